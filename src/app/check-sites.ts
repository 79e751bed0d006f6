import { nearestName, type Diagnostic } from '../base/diagnostic.js';
import type { Settings } from '../config/index.js';
import type { Logger } from '../base/logger.js';
import type { DialplanService, Plan } from '../dialplan/index.js';

/** Trunks whose `site:` the dialplan does not have: neither file can tell alone. Their callers get no emergency numbers of a site. */
function unknownSites(settings: Pick<Settings, 'trunkSites'>, plan: Pick<Plan, 'sites'>): Diagnostic[] {
  return settings.trunkSites
    .filter(({ site }) => !plan.sites.has(site))
    .map(({ trunk, site, place }) => {
      const near = nearestName(site, plan.sites.keys());
      return {
        severity: 'warning',
        code: 'unknown-name',
        message: `trunk "${trunk}" is at site "${site}", which the dialplan does not have`,
        place,
        ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
      };
    });
}

/** The same as lines of the log. */
export function warnOfSites(
  settings: Pick<Settings, 'trunkSites'>,
  dialplan: Pick<DialplanService, 'current'>,
  logger: Logger,
): Diagnostic[] {
  const found = unknownSites(settings, dialplan.current().plan);
  for (const { message, place, hint } of found) logger.warn({ ...place, hint }, message);
  return found;
}
