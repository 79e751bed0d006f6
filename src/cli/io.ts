/** Where a command reads and writes; tests give their own. */
export interface CommandIo {
  out(line: string): void;
  error(line: string): void;
  env(name: string): string | undefined;
  /** Folder that relative paths start from. */
  readonly cwd: string;
}
