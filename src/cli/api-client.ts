import { AppError, ERRORS, type ErrorCode } from '../base/errors.js';

const TIMEOUT_MS = 30_000;

/** A running Trunkline, reached over its API. */
export interface ApiClient {
  /** The answer's body. Throws `SERVER_UNREACHABLE`, or the fault the server answered with. */
  request(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
}

export function createApiClient(baseUrl: string, key: string | undefined): ApiClient {
  return {
    request: async (method, path, body) => {
      let response: Response;
      try {
        response = await fetch(new URL(path, baseUrl), {
          method,
          headers: {
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
      } catch (error) {
        throw new AppError('SERVER_UNREACHABLE', `nothing answers at ${baseUrl}`, { cause: error });
      }
      const text = await response.text();
      if (response.ok) return text === '' ? undefined : (JSON.parse(text) as unknown);
      const fault = readFault(text);
      throw new AppError(
        fault?.code ?? 'REQUEST_INVALID',
        fault?.message ?? `${method} ${path}: HTTP ${response.status}`,
      );
    },
  };
}

function readFault(text: string): { code: ErrorCode; message: string } | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    if (error?.code === undefined || !(error.code in ERRORS)) return undefined;
    return { code: error.code as ErrorCode, message: error.message ?? '' };
  } catch {
    return undefined;
  }
}
