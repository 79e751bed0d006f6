/** Extra delay of a receiver that buffers against jitter, beyond twice the jitter. */
const BUFFER_MS = 20;
/** Robustness of G.711 with concealment against random loss (ITU-T G.113 appendix I). */
const BPL = 25.1;
const BEST_R = 93.2;

/**
 * Mean opinion score, 1–4.5, by the E-model (ITU-T G.107, reduced to delay and loss): what a listener would say of G.711.
 * `lossShare` 0–1.
 */
export function estimateMos(lossShare: number, jitterMs: number, rttMs: number): number {
  const delay = rttMs / 2 + 2 * jitterMs + BUFFER_MS;
  const delayImpairment = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
  const percent = Math.min(1, Math.max(0, lossShare)) * 100;
  const lossImpairment = (95 * percent) / (percent + BPL);
  const r = BEST_R - delayImpairment - lossImpairment;
  if (r <= 0) return 1;
  const mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
  return Math.round(Math.min(4.5, Math.max(1, mos)) * 100) / 100;
}
