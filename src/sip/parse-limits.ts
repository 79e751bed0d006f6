/** Sizes beyond which a message is refused. */
export interface ParseLimits {
  /** The whole message, in bytes. */
  maxMessageBytes: number;
  /** From the start line to the empty line, in bytes. */
  maxHeaderBytes: number;
  maxHeaderLines: number;
  /** One header field or start line, in characters. */
  maxLineBytes: number;
}

export const DEFAULT_PARSE_LIMITS: Readonly<ParseLimits> = {
  maxMessageBytes: 65535,
  maxHeaderBytes: 16384,
  maxHeaderLines: 256,
  maxLineBytes: 8192,
};
