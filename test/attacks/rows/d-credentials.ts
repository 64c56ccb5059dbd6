import type { Section } from '../gauntlet.ts'

export const credentials: Section = {
  D01: {
    story: 'of two Authorization headers one is checked and the other is used',
    origin: 'CVE-2026-26308 (Envoy RBAC), and many alike; Node drops the second silently',
    required: '400, whichever is good, in any spelling, joined by a comma or folded over two lines'
  },
  D03: {
    story: 'a token counts although it stands in the query, the body, a cookie or a header of another name',
    origin: 'RFC 6750 section 2.3, RFC 9700 section 4.3.2',
    required: '401 where it is the only one; never in the log; in the query 400, beside a good Authorization too',
    differs: 'access_token and id_token in the query are 400 even alone; a parameter of another name is the ERP\'s business and passes byte for byte, as a body does'
  },
  D04: {
    story: 'a token in the query is found in the log',
    origin: 'CVE-2026-33620, GHSA-mrqc-3276-74f8; pinchtab',
    required: 'in no line of the log at level trace, not in the answer, and not at the ERP'
  },
  D05: {
    story: 'a caller brings headers by which a proxy in front of an app vouches for somebody',
    origin: 'what oauth2-proxy, nginx, Envoy, AWS, Cloudflare and Google write for the app behind them',
    required: 'none reaches the ERP, in any letter case, on any kind of route',
    differs: 'a name with _ that spells one of them is refused with 400'
  },
  D07: {
    story: 'X_User_Id and X-User-Id are one header to the ERP, and two to the gateway',
    origin: 'CVE-2025-64484 (oauth2-proxy), CVE-2026-33433 and CVE-2026-54763 (traefik), CVE-2026-52845 (caddy)',
    required: '400 for a name with _ and for what is no name; what folds to the same otherwise is dropped',
    differs: 'a name with _ that spells nothing of the gateway\'s passes'
  },
  D09: {
    story: 'whoever calls himself a health check needs no token',
    origin: 'CVE-2026-34457; oauth2-proxy',
    required: '401 whatever the User-Agent says'
  },
  D10: {
    story: 'a GET that is allowed becomes a DELETE by a header',
    origin: 'method overrides of many frameworks',
    required: 'the ERP never sees the header',
    differs: '400 instead of dropping it: dropped, it would make the ERP do something else than was meant. `_method` in query or body is the ERP\'s own and passes byte for byte, with the method as authorised'
  }
}
