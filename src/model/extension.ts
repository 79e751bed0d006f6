/** A device that registers: its digest name is its own, its extension gets the calls. */
export interface DeviceDefinition {
  readonly name: string;
  readonly extension: string;
  readonly password: string;
  readonly site?: string;
  readonly hotDesk: boolean;
  readonly tenant?: string;
}
