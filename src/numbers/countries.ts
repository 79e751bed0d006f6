/** How numbers are dialled in a country. */
export interface Country {
  /** Calling code without `+`. */
  readonly code: string;
  /** Dialled before a national number; `''` where there is none. */
  readonly trunkPrefix: string;
  /** Dialled before a foreign number; `00` is understood everywhere. */
  readonly internationalPrefix: string;
  /** Digits of a national number without the trunk prefix. */
  readonly minLength: number;
  readonly maxLength: number;
}

/**
 * `COUNTRY code [trunk prefix] [lengths] [international prefix]`; `-` for none. Sources: ITU-T E.164 assigned codes and the national
 * numbering plans published by the ITU. Countries that are not listed with lengths take 4 to 12 digits.
 */
const TABLE = `
US 1 1 10 011|CA 1 1 10 011|PR 1 1 10 011|DO 1 1 10 011|JM 1 1 10 011|BS 1 1 10 011|BB 1 1 10 011|TT 1 1 10 011|BM 1 1 10 011
GB 44 0 9-10|IE 353 0 7-10|FR 33 0 9|DE 49 0 3-13|AT 43 0 4-13|CH 41 0 9|LI 423 - 7-9|NL 31 0 9|BE 32 0 8-9|LU 352 - 4-11
ES 34 - 9|PT 351 - 9|IT 39 - 6-12|SM 378 - 6-12|VA 39 - 6-12|MT 356 - 8|GR 30 - 10|CY 357 - 8|TR 90 0 10|IL 972 0 8-9
DK 45 - 8|SE 46 0 7-13|NO 47 - 8|FI 358 0 5-12|IS 354 - 7-9|EE 372 - 7-8|LV 371 - 8|LT 370 0 8|PL 48 - 9|CZ 420 - 9|SK 421 0 9
HU 36 06 8-9|RO 40 0 9|BG 359 0 7-9|SI 386 0 8|HR 385 0 8-9|RS 381 0 8-9|BA 387 0 8-9|ME 382 0 8|MK 389 0 8|AL 355 0 8-9|XK 383 0 8-9
UA 380 0 9 00|BY 375 8 9 810|MD 373 0 8|RU 7 8 10 810|KZ 7 8 10 810|GE 995 0 9|AM 374 0 8|AZ 994 0 9|UZ 998 - 9|KG 996 0 9|TJ 992 - 9|TM 993 8 8
AU 61 0 5-9 0011|NZ 64 0 8-10|JP 81 0 9-10 010|KR 82 0 8-10 001|CN 86 0 7-11|HK 852 - 8 001|MO 853 - 8|TW 886 0 8-9 002|SG 65 - 8 001
MY 60 0 8-10|TH 66 0 8-9 001|VN 84 0 9-10|PH 63 0 8-10|ID 62 0 8-12 001|KH 855 0 8-9|LA 856 0 8-10|MM 95 0 7-10|BN 673 - 7
IN 91 0 10|PK 92 0 9-10|BD 880 0 8-10|LK 94 0 9|NP 977 0 8-10|AF 93 0 9|MV 960 - 7|BT 975 - 7-8|MN 976 0 8
AE 971 0 8-9|SA 966 0 8-9|QA 974 - 7-8|KW 965 - 8|BH 973 - 8|OM 968 - 8|YE 967 0 7-9|JO 962 0 8-9|LB 961 0 7-8|SY 963 0 8-9|IQ 964 0 8-10|IR 98 0 10
EG 20 0 8-10|MA 212 0 9|DZ 213 0 8-9|TN 216 - 8|LY 218 0 8-9|ZA 27 0 9|NG 234 0 8-10 009|KE 254 0 9 000|GH 233 0 9|TZ 255 0 9 000|UG 256 0 9 000
ET 251 0 9|SN 221 - 9|CI 225 - 10|CM 237 - 9|AO 244 - 9|MZ 258 - 8-9|ZM 260 0 9|ZW 263 0 8-9|NA 264 0 8-9|BW 267 - 7-8|MU 230 - 7-8|RW 250 0 9
BR 55 0 10-11|AR 54 0 10-11|CL 56 - 9|CO 57 0 8-10|PE 51 0 8-9|VE 58 0 10|EC 593 0 8-9|BO 591 0 8|PY 595 0 8-9|UY 598 0 8
MX 52 - 10|GT 502 - 8|SV 503 - 8|HN 504 - 8|NI 505 - 8|CR 506 - 8|PA 507 - 7-8|CU 53 0 8 119|HT 509 - 8
`;

const BY_NAME = new Map<string, Country>(
  TABLE.trim()
    .split(/[|\n]/)
    .map((row) => {
      const [name, code, trunkPrefix = '-', lengths = '4-12', internationalPrefix = '00'] = row
        .trim()
        .split(' ');
      const [minLength, maxLength = minLength] = lengths.split('-').map(Number);
      const country: Country = {
        code: code!,
        trunkPrefix: trunkPrefix === '-' ? '' : trunkPrefix,
        internationalPrefix,
        minLength: minLength!,
        maxLength: maxLength!,
      };
      return [name!, country];
    }),
);

/** How numbers are dialled in an ISO 3166 country; undefined when we do not know it. */
export function findCountry(name: string): Country | undefined {
  return BY_NAME.get(name.toUpperCase());
}

/** The countries that are known, by their ISO 3166 names. */
export function knownCountries(): readonly string[] {
  return [...BY_NAME.keys()];
}
