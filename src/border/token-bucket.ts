/** A token bucket: `burst` at once, `perS` a second after that. Times are milliseconds of a clock that never jumps. */
export interface TokenBucket {
  take(nowMs: number): boolean;
  /** Whether a token is there, without taking it. */
  has(nowMs: number): boolean;
}

/** `burst` defaults to one second's worth, at least 1. */
export function createTokenBucket(perS: number, burst = Math.max(1, perS)): TokenBucket {
  let tokens = burst;
  let filledAt = 0;
  const fill = (nowMs: number) => {
    if (nowMs <= filledAt) return;
    tokens = Math.min(burst, tokens + ((nowMs - filledAt) * perS) / 1000);
    filledAt = nowMs;
  };
  return {
    take: (nowMs) => {
      fill(nowMs);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    has: (nowMs) => {
      fill(nowMs);
      return tokens >= 1;
    },
  };
}
