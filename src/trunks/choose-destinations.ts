import type { TrunkDestination } from '../model/index.js';

export type RankedDestination = TrunkDestination & { readonly down: boolean };

/**
 * The order in which a call tries a trunk's destinations: by priority, then drawn by weight (as SRV records are, RFC 2782), those
 * that are down last, since trying one beats failing the call.
 */
export function chooseDestinations(
  destinations: readonly TrunkDestination[],
  isDown: (uri: string) => boolean,
  random: () => number,
): readonly RankedDestination[] {
  if (destinations.length === 1) return [{ ...destinations[0]!, down: isDown(destinations[0]!.uri) }];
  const priorities = [...new Set(destinations.map(({ priority }) => priority))].sort((a, b) => a - b);
  const ordered = priorities.flatMap((priority) =>
    drawByWeight(
      destinations.filter((destination) => destination.priority === priority),
      random,
    ),
  );
  const ranked = ordered.map((destination) => ({ ...destination, down: isDown(destination.uri) }));
  return [...ranked.filter(({ down }) => !down), ...ranked.filter(({ down }) => down)];
}

function drawByWeight(destinations: readonly TrunkDestination[], random: () => number): TrunkDestination[] {
  const left = [...destinations];
  const drawn: TrunkDestination[] = [];
  while (left.length > 0) {
    let point = random() * left.reduce((sum, { weight }) => sum + weight, 0);
    let index = left.findIndex(({ weight }) => (point -= weight) < 0);
    if (index === -1) index = left.length - 1;
    drawn.push(...left.splice(index, 1));
  }
  return drawn;
}
