/**
 * The tables of runs in PostgreSQL, and the routines that move runs: each is atomic with what it is called with. Knows
 * SQL, runs none. `at` is the clock, or what a test says that it is.
 */
import { digest, toBytes } from '../../core/text.ts'
import { WHOLE } from '../../workflow/flow.ts'
import type { Head } from '../../workflow/run.ts'

/** The columns of a run's head, in a row. */
export const COLUMNS = {
  id: 'id', name: 'name', version: 'version', status: 'status', priority: 'priority', dueAt: 'due_at', epoch: 'epoch', owner: 'owner',
  leaseUntil: 'lease_until', seq: 'seq', inboxSeq: 'inbox_seq', recoveries: 'recoveries', cancelAt: 'cancel_at',
  cancelReason: 'cancel_reason', parentId: 'parent_id', parentKey: 'parent_key', principal: 'principal', traceparent: 'traceparent',
  createdAt: 'created_at', finishedAt: 'finished_at', reason: 'reason',
  concurrencyKey: 'concurrency_key', concurrencyLimit: 'concurrency_limit', rateKey: 'rate_key', rateLimit: 'rate_limit',
  ratePerMs: 'rate_per_ms', retentionMs: 'retention_ms',
} as const satisfies Record<keyof Head, string>

const TEXT = 'text COLLATE "C"'
/** Whose time comes: one of the two is null. */
const COMES_AT = 'coalesce(due_at, lease_until)'
const COMES = `status IN ('ready', 'waiting', 'paused', 'running') AND ${COMES_AT} IS NOT NULL`
/** What comes is one of three: what no limit can hold back, what one can, and what is for code of its version alone. */
const IS_KEYED = `(concurrency_key IS NOT NULL OR status = 'ready' AND rate_key IS NOT NULL)`
const FREE = `(status = 'running' OR status IN ('ready', 'waiting') AND NOT ${IS_KEYED}) AND ${COMES_AT} IS NOT NULL`
const KEYED = `status IN ('ready', 'waiting') AND ${IS_KEYED} AND due_at IS NOT NULL`
const PAUSED = `status = 'paused' AND due_at IS NOT NULL`
/** What the same limits hold back, of a workflow and a priority, is a lane. */
const LANE = { concurrency: `coalesce(concurrency_key, '')`, rate: `CASE status WHEN 'ready' THEN coalesce(rate_key, '') ELSE '' END` }

/** Each is what a version has more than the one before it. */
export const migrations = (schema: string): readonly string[] => [
  // heads are written again by every step: in the same page, as long as there is room
  `CREATE TABLE ${schema}.runs (
    id ${TEXT} PRIMARY KEY, name ${TEXT} NOT NULL, version ${TEXT} NOT NULL, status ${TEXT} NOT NULL, priority int NOT NULL, due_at bigint,
    epoch bigint NOT NULL, owner ${TEXT}, lease_until bigint, seq bigint NOT NULL, inbox_seq bigint NOT NULL DEFAULT 0,
    recoveries int NOT NULL DEFAULT 0, cancel_at bigint, cancel_reason ${TEXT}, parent_id ${TEXT}, parent_key ${TEXT}, principal ${TEXT},
    traceparent ${TEXT}, created_at bigint NOT NULL, finished_at bigint, reason ${TEXT},
    concurrency_key ${TEXT}, concurrency_limit int NOT NULL, rate_key ${TEXT}, rate_limit int NOT NULL, rate_per_ms bigint NOT NULL,
    retention_ms bigint NOT NULL
  ) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
  CREATE INDEX runs_come ON ${schema}.runs (name, (${COMES_AT})) WHERE ${COMES};
  CREATE INDEX runs_listed ON ${schema}.runs (created_at, id);
  CREATE INDEX runs_kept ON ${schema}.runs ((finished_at + retention_ms)) WHERE finished_at IS NOT NULL;
  CREATE INDEX runs_held ON ${schema}.runs (concurrency_key) WHERE status = 'running' AND concurrency_key IS NOT NULL;
  CREATE TABLE ${schema}.payloads (id ${TEXT} PRIMARY KEY, input ${TEXT} NOT NULL, output ${TEXT}, error ${TEXT}, underway ${TEXT});
  CREATE TABLE ${schema}.journal (
    run_id ${TEXT} NOT NULL, seq bigint NOT NULL, key ${TEXT} NOT NULL, kind ${TEXT} NOT NULL, phase ${TEXT} NOT NULL,
    fingerprint ${TEXT} NOT NULL, attempt int NOT NULL, input ${TEXT}, value ${TEXT}, error ${TEXT}, started_at bigint NOT NULL, at bigint NOT NULL,
    PRIMARY KEY (run_id, seq)
  );
  CREATE UNIQUE INDEX journal_words ON ${schema}.journal (run_id, key) WHERE phase = 'done';
  CREATE TABLE ${schema}.inbox (
    run_id ${TEXT} NOT NULL, n bigint NOT NULL, message_id ${TEXT} NOT NULL, type ${TEXT} NOT NULL, payload ${TEXT} NOT NULL, by ${TEXT},
    key ${TEXT}, at bigint NOT NULL, PRIMARY KEY (run_id, n)
  );
  CREATE UNIQUE INDEX inbox_ids ON ${schema}.inbox (run_id, message_id);
  CREATE TABLE ${schema}.limits (key ${TEXT} PRIMARY KEY, tokens float8, at bigint);`,
  // in the order in which they are had, so that however many are due, the first are found where they stand
  `DROP INDEX ${schema}.runs_come;
  CREATE INDEX runs_free ON ${schema}.runs (name, priority, (${COMES_AT}), id) WHERE ${FREE};
  CREATE INDEX runs_keyed ON ${schema}.runs (name, priority, due_at, id) WHERE ${KEYED};
  CREATE INDEX runs_lanes ON ${schema}.runs (name, priority, (${LANE.concurrency}), (${LANE.rate}), due_at, id) WHERE ${KEYED};
  CREATE INDEX runs_paused ON ${schema}.runs (name, version, priority, due_at, id) WHERE ${PAUSED};`,
]

/** How many runs that are due are looked at together where limits hold some back. */
const PAGE = 1000
const OPERATIONS = ['append', 'start', 'deliver', 'note', 'load', 'inbox', 'cancel', 'resume', 'fork']

const CLOCK = '(floor(extract(epoch FROM clock_timestamp()) * 1000))::bigint'

/** What each does is in `memory.ts`; here it is done to rows, whose heads are locked first. */
const routines = (schema: string, call: (name: string) => string): string => {
  // what is called by itself is not compiled: that takes longer than any of it. A claim has an index for all that it asks, whatever statistics say
  const routine = (name: string, declared: string, body: string, returns = 'json'): string =>
    `CREATE OR REPLACE FUNCTION ${call(name)}(given json, at bigint) RETURNS ${returns} LANGUAGE plpgsql ${OPERATIONS.includes(name) ? '' : 'SET jit = off'} ${name === 'claim' ? 'SET enable_seqscan = off' : ''} AS $routine$
      DECLARE ${declared}
      BEGIN at := coalesce(at, ${CLOCK}); ${body} END $routine$;`
  const read = (columns: string): string => `SELECT * INTO a FROM json_to_record(given) AS told (${columns});`
  const answer = (is: string, more = ''): string => `RETURN json_build_object('is', '${is}'${more});`
  const head = `${schema}.runs`
  const whole = `json_build_object('head', row_to_json(runs), 'input', input, 'output', output, 'error', error, 'underway', underway,
    'journal', (SELECT coalesce(json_agg(row_to_json(entry) ORDER BY seq), '[]') FROM ${schema}.journal AS entry WHERE run_id = runs.id),
    'inbox', (SELECT coalesce(json_agg(row_to_json(message) ORDER BY n), '[]') FROM ${schema}.inbox AS message WHERE run_id = runs.id))`
  const joined = `${head} JOIN ${schema}.payloads USING (id)`
  const isDue = `${COMES} AND ${COMES_AT} <= at`
  /** The first of each lane: of a workflow's runs that are alike in some columns, which an index begins with. */
  const firsts = (of: string, columns: readonly string[], rest: string, what = `id, priority, ${COMES_AT} AS comes`): string => {
    const list = columns.join(', ')
    const last = columns.map((column) => `${column} DESC`).join(', ')
    const named = columns.map((_column, index) => `c${index}`)
    const lane = named.map((name) => `lane.${name}`).join(', ')
    const own = `FROM ${head} WHERE name = mine.workflow AND ${of}`
    return `(WITH RECURSIVE lane (${named.join(', ')}) AS (
        (SELECT ${list} ${own} ORDER BY ${last} LIMIT 1)
        UNION ALL SELECT next.* FROM lane, LATERAL (SELECT ${list} ${own} AND (${list}) < (${lane}) ORDER BY ${last} LIMIT 1) AS next
      ) SELECT one.* FROM lane, LATERAL (SELECT ${what} ${own} AND (${list}) = (${lane}) AND ${rest}) AS one`
  }
  const VERSION = `version = mine.version AND ${PAUSED}`
  const ORDER = (comes: string): string => `ORDER BY ${comes}, id LIMIT a.count`
  const mine = 'json_each_text(a.versions) AS mine (workflow, version)'
  const pageOf = (keyed: string): string => `SELECT first.id FROM ${mine}, LATERAL (
      ${firsts(FREE, ['priority'], `${COMES_AT} <= at ${ORDER(COMES_AT)}`)}) UNION ALL ${keyed}) UNION ALL
      ${firsts(VERSION, ['priority'], `due_at <= at AND (concurrency_key IS NULL OR concurrency_key <> ALL (is_full)) ${ORDER('due_at')}`)})
    ) AS first ORDER BY priority DESC, comes, id LIMIT size`
  // the first of all; once some are held back, of the lanes of which none was
  const page = pageOf(firsts(KEYED, ['priority'], `due_at <= at ${ORDER('due_at')}`))
  const LANES = ['priority', LANE.concurrency, LANE.rate]
  const pageOfLanes = pageOf(`${firsts(KEYED, LANES, `due_at <= at ${ORDER('due_at')}`)}
      WHERE c1 NOT IN (SELECT unnest(is_full)) AND c2 NOT IN (SELECT unnest(is_empty))`)
  // keys of which the first of no lane may be had, so that they needn't be locked and asked one by one
  const full = `SELECT first.key FROM ${mine}, LATERAL (
      ${firsts(KEYED, LANES, 'due_at <= at ORDER BY due_at, id LIMIT 1', 'concurrency_key AS key, concurrency_limit AS most')})
    ) AS first WHERE key IS NOT NULL GROUP BY key
      HAVING max(most) <= (SELECT count(*) FROM ${head} WHERE concurrency_key = first.key AND status = 'running')`
  const later = `SELECT least(token_at, min(comes)) INTO next_at FROM ${mine}, LATERAL (
      ${firsts(FREE, ['priority'], `${COMES_AT} > at AND (status <> 'running' OR owner <> a.worker) ORDER BY ${COMES_AT} LIMIT 1`)}) UNION ALL
      ${firsts(KEYED, ['priority'], 'due_at > at ORDER BY due_at LIMIT 1')}) UNION ALL ${firsts(VERSION, ['priority'], 'due_at > at ORDER BY due_at LIMIT 1')})
    ) AS first`
  const headOf = `SELECT * INTO head FROM ${head} WHERE id = a.id`

  return [
    routine('lock', 'keys text[];', `
      keys := ARRAY(SELECT json_array_elements_text(given));
      INSERT INTO ${schema}.limits (key) SELECT unnest(keys) ORDER BY 1 ON CONFLICT DO NOTHING;
      PERFORM FROM ${schema}.limits WHERE key = ANY (keys) ORDER BY key FOR UPDATE;
      RETURN NULL;`),
    // whether its limits let a run begin, whose keys are locked: 'full', 'empty', or null
    `CREATE OR REPLACE FUNCTION ${call('refusal')}(run ${head}, now bigint, OUT refused text, OUT token_at bigint) LANGUAGE plpgsql AS $routine$
      DECLARE had float8;
      BEGIN
        IF run.status <> 'running' AND run.concurrency_key IS NOT NULL AND run.concurrency_limit <=
          (SELECT count(*) FROM ${head} WHERE concurrency_key = run.concurrency_key AND status = 'running')
        THEN refused := 'full'; RETURN; END IF;
        IF run.status <> 'ready' OR run.rate_key IS NULL THEN RETURN; END IF;
        SELECT least(run.rate_limit, tokens + greatest(now - at, 0)::float8 * run.rate_limit / run.rate_per_ms) INTO had
          FROM ${schema}.limits WHERE key = run.rate_key AND tokens IS NOT NULL;
        had := coalesce(had, run.rate_limit);
        IF had >= ${WHOLE} THEN
          UPDATE ${schema}.limits SET tokens = had - 1, at = now WHERE key = run.rate_key;
        ELSE
          refused := 'empty';
          token_at := now + ceil((${WHOLE} - had) * run.rate_per_ms / run.rate_limit)::bigint;
        END IF;
      END $routine$;`,
    routine('start', `a record; head ${head}; refusal record; is_limited boolean; is_mine boolean;`, `
      ${read('id text, name text, version text, input text, "delayMs" bigint, worker text, "ttlMs" bigint, "parentId" text, "parentKey" text, principal text, traceparent text, priority int, "concurrencyKey" text, "concurrencyLimit" int, "rateKey" text, "rateLimit" int, "ratePerMs" bigint, "retentionMs" bigint')}
      is_limited := a."concurrencyKey" IS NOT NULL OR a."rateKey" IS NOT NULL;
      is_mine := a.worker IS NOT NULL AND NOT is_limited;
      LOOP
        INSERT INTO ${head} (id, name, version, status, priority, due_at, epoch, owner, lease_until, seq, parent_id, parent_key, principal, traceparent,
          created_at, concurrency_key, concurrency_limit, rate_key, rate_limit, rate_per_ms, retention_ms)
        VALUES (a.id, a.name, a.version, CASE WHEN is_mine THEN 'running' ELSE 'ready' END, a.priority,
          CASE WHEN NOT is_mine THEN at + coalesce(a."delayMs", 0) END, is_mine::int, CASE WHEN is_mine THEN a.worker END,
          CASE WHEN is_mine THEN at + a."ttlMs" END, 0, a."parentId", a."parentKey", a.principal, a.traceparent, at,
          a."concurrencyKey", a."concurrencyLimit", a."rateKey", a."rateLimit", a."ratePerMs", a."retentionMs")
        ON CONFLICT (id) DO NOTHING RETURNING * INTO head;
        IF FOUND THEN
          INSERT INTO ${schema}.payloads (id, input) VALUES (a.id, a.input);
          IF a.worker IS NOT NULL AND is_limited THEN
            refusal := ${call('refusal')}(head, at);
            IF refusal.refused IS NULL THEN
              UPDATE ${head} SET status = 'running', due_at = NULL, epoch = 1, owner = a.worker, lease_until = at + a."ttlMs" WHERE id = a.id RETURNING * INTO head;
            END IF;
          END IF;
          ${answer('started', ", 'head', row_to_json(head), 'now', at")}
        END IF;
        ${headOf};
        -- unless it was forgotten in between
        IF FOUND THEN
          RETURN json_build_object('head', row_to_json(head), 'is', CASE WHEN head.name = a.name
            AND EXISTS (SELECT FROM ${schema}.payloads WHERE id = a.id AND input = a.input) THEN 'known' ELSE 'conflict' END);
        END IF;
      END LOOP;`),
    routine('append', `a record; head ${head}; cancelled bigint;`, `
      ${read('id text, epoch bigint, "fromSeq" bigint, entries json, grows int, status text, "dueAt" bigint, ends boolean, output text, error text, reason text, seen bigint, version text, alone boolean')}
      UPDATE ${schema}.runs SET seq = seq + a.grows, recoveries = CASE a.grows WHEN 0 THEN recoveries ELSE 0 END, status = a.status,
        owner = CASE a.status WHEN 'running' THEN owner END, lease_until = CASE a.status WHEN 'running' THEN lease_until END,
        due_at = CASE a.status WHEN 'running' THEN due_at ELSE a."dueAt" END, finished_at = CASE WHEN a.ends THEN at END, reason = coalesce(a.reason, reason),
        version = CASE WHEN a.grows > 0 THEN coalesce(a.version, version) ELSE version END
      WHERE id = a.id AND epoch = a.epoch AND seq = a."fromSeq" AND status = 'running' AND (a.seen IS NULL OR inbox_seq = a.seen)
      RETURNING cancel_at INTO cancelled;
      IF NOT FOUND THEN
        ${headOf};
        IF a.alone OR NOT FOUND OR head.epoch <> a.epoch THEN ${answer('fenced')} END IF;
        -- what was written, and whose answer got lost, is written; not so by a transaction that has more in it
        IF a.grows > 0 AND head.seq = a."fromSeq" + a.grows THEN ${answer('ok', ", 'now', at, 'cancelAt', head.cancel_at")} END IF;
        IF head.status = 'running' AND head.seq = a."fromSeq" THEN ${answer('inbox-moved')} END IF;
        ${answer('fenced')}
      END IF;
      IF a.grows > 0 THEN
        INSERT INTO ${schema}.journal (run_id, seq, key, kind, phase, fingerprint, attempt, input, value, error, started_at, at)
        SELECT a.id, a."fromSeq" + number, key, kind, phase, fingerprint, attempt, input, value, error, "startedAt", $2 FROM ROWS FROM (
          json_to_recordset(a.entries) AS (key text, kind text, phase text, fingerprint text, attempt int, input text, value text, error text, "startedAt" bigint)
        ) WITH ORDINALITY AS entry (key, kind, phase, fingerprint, attempt, input, value, error, "startedAt", number);
      END IF;
      IF a.output IS NOT NULL OR a.error IS NOT NULL THEN
        UPDATE ${schema}.payloads SET output = coalesce(a.output, output), error = coalesce(a.error, error) WHERE id = a.id;
      END IF;
      ${answer('ok', ", 'now', at, 'cancelAt', cancelled")}`),
    routine('note', 'a record;', `
      ${read('id text, epoch bigint, underway text')}
      UPDATE ${schema}.payloads SET underway = a.underway WHERE id = a.id
        AND EXISTS (SELECT FROM ${head} WHERE id = a.id AND epoch = a.epoch AND status = 'running');
      RETURN NULL;`),
    routine('deliver', `a record; head ${head}; first ${schema}.inbox;`, `
      ${read('id text, "messageId" text, type text, payload text, "by" text, key text')}
      ${headOf} FOR UPDATE;
      IF NOT FOUND THEN ${answer('unknown')} END IF;
      SELECT * INTO first FROM ${schema}.inbox WHERE run_id = a.id AND message_id = a."messageId";
      IF FOUND THEN ${answer('duplicate', ", 'first', row_to_json(first)")} END IF;
      IF head.finished_at IS NOT NULL OR a.key IS NOT NULL
        AND EXISTS (SELECT FROM ${schema}.journal WHERE run_id = a.id AND key = a.key AND phase = 'done')
      THEN ${answer('late', ", 'head', row_to_json(head)")} END IF;
      INSERT INTO ${schema}.inbox (run_id, n, message_id, type, payload, by, key, at)
      VALUES (a.id, head.inbox_seq + 1, a."messageId", a.type, a.payload, a."by", a.key, $2);
      UPDATE ${schema}.runs SET inbox_seq = inbox_seq + 1, due_at = CASE status WHEN 'waiting' THEN $2 ELSE due_at END WHERE id = a.id;
      ${answer('delivered')}`),
    routine('load', 'answer json;', `
      SELECT ${whole} INTO answer FROM ${joined} WHERE runs.id = given->>'id';
      RETURN answer;`),
    routine('inbox', 'answer json;', `
      SELECT coalesce(json_agg(row_to_json(message) ORDER BY n), '[]') INTO answer FROM ${schema}.inbox AS message
        WHERE run_id = given->>'id' AND n > (given->>'after')::bigint;
      RETURN answer;`),
    routine('cancel', `a record; head ${head};`, `
      ${read('id text, reason text')}
      UPDATE ${schema}.runs SET cancel_reason = CASE WHEN cancel_at IS NULL THEN a.reason ELSE cancel_reason END, cancel_at = coalesce(cancel_at, at),
        status = CASE status WHEN 'running' THEN status ELSE 'waiting' END, due_at = CASE status WHEN 'running' THEN due_at ELSE at END
      WHERE id = a.id AND finished_at IS NULL;
      ${headOf};
      RETURN CASE WHEN FOUND THEN row_to_json(head) END;`),
    routine('resume', `a record; head ${head};`, `
      ${read('id text')}
      UPDATE ${schema}.runs SET status = 'waiting', due_at = at, recoveries = 0, reason = NULL WHERE id = a.id AND status = 'paused';
      ${headOf};
      RETURN CASE WHEN FOUND THEN row_to_json(head) END;`),
    routine('fork', `a record; head ${head}; made ${head};`, `
      ${read('id text, "from" text, "throughSeq" bigint')}
      SELECT * INTO head FROM ${schema}.runs WHERE id = a."from" FOR KEY SHARE;
      IF NOT FOUND THEN RETURN NULL; END IF;
      made := head;
      made.id := a.id; made.status := 'ready'; made.due_at := at; made.epoch := 0; made.owner := NULL; made.lease_until := NULL;
      made.seq := least(head.seq, a."throughSeq"); made.inbox_seq := 0; made.recoveries := 0; made.cancel_at := NULL; made.cancel_reason := NULL;
      made.parent_id := NULL; made.parent_key := NULL; made.created_at := at; made.finished_at := NULL; made.reason := NULL;
      INSERT INTO ${head} SELECT made.* ON CONFLICT (id) DO NOTHING;
      IF NOT FOUND THEN RETURN NULL; END IF;
      INSERT INTO ${schema}.payloads (id, input) SELECT a.id, input FROM ${schema}.payloads WHERE id = a."from";
      INSERT INTO ${schema}.journal (run_id, seq, key, kind, phase, fingerprint, attempt, input, value, error, started_at, at)
      SELECT a.id, seq, key, kind, phase, fingerprint, attempt, entry.input, value, error, started_at, entry.at
        FROM ${schema}.journal AS entry WHERE run_id = a."from" AND seq <= made.seq;
      RETURN row_to_json(made);`),
    // several of these, which a caller puts in an order by id, after the keys that they may need: so that nobody waits in a circle
    routine('work', 'one json;', `
      IF json_array_length(given->'keys') > 0 THEN PERFORM ${call('lock')}(given->'keys', $2); END IF;
      FOR one IN SELECT value FROM json_array_elements(given->'operations') LOOP
        RETURN NEXT CASE one->>'do'
          ${OPERATIONS.map((name) => `WHEN '${name}' THEN ${call(name)}(one, $2)`).join(' ')}
        END;
      END LOOP;`, 'SETOF json'),
    // runs are locked when nothing is waited for any more; what another looks at meanwhile is its
    routine('claim', `a record; run ${head}; page text[]; keys text[]; is_full text[] := '{}'; is_empty text[] := '{}'; taken text[] := '{}';
      size int; known int; seen int; next_soon boolean := false; by_lanes boolean := false; is_held boolean; refusal record; token_at bigint; next_at bigint; found json;`, `
      ${read('worker text, "ttlMs" bigint, versions json, count int')}
      size := a.count;
      WHILE cardinality(taken) < a.count LOOP
        IF by_lanes THEN page := ARRAY(${pageOfLanes}); ELSE page := ARRAY(${page}); END IF;
        EXIT WHEN page = '{}';
        keys := ARRAY(SELECT DISTINCT key FROM ${head}, LATERAL (VALUES (concurrency_key), (rate_key)) AS either (key) WHERE id = ANY (page) AND key IS NOT NULL);
        IF keys <> '{}' THEN PERFORM ${call('lock')}(to_json(keys), at); END IF;
        known := cardinality(taken) + cardinality(is_full) + cardinality(is_empty);
        seen := 0;
        is_held := false;
        FOR run IN SELECT runs.* FROM unnest(page) WITH ORDINALITY AS mine (id, place) JOIN ${head} AS runs USING (id) WHERE ${isDue}
          ORDER BY place FOR UPDATE OF runs SKIP LOCKED
        LOOP
          seen := seen + 1;
          EXIT WHEN cardinality(taken) = a.count;
          IF run.concurrency_key IS NOT NULL OR run.rate_key IS NOT NULL THEN
            CONTINUE WHEN run.status <> 'running' AND run.concurrency_key = ANY (is_full) OR run.status = 'ready' AND run.rate_key = ANY (is_empty);
            refusal := ${call('refusal')}(run, at);
            IF refusal.refused = 'full' THEN is_full := is_full || run.concurrency_key; END IF;
            IF refusal.refused = 'empty' THEN
              is_empty := is_empty || run.rate_key;
              token_at := least(token_at, refusal.token_at);
            END IF;
            -- what comes next may be held back by the same: its lane is left out
            is_held := refusal.refused IS NOT NULL AND NOT by_lanes;
            EXIT WHEN is_held;
            CONTINUE WHEN refusal.refused IS NOT NULL;
          END IF;
          taken := taken || run.id;
          UPDATE ${head} SET recoveries = recoveries + (status = 'running')::int, status = 'running', epoch = epoch + 1, owner = a.worker,
            lease_until = at + a."ttlMs", due_at = NULL WHERE id = run.id;
        END LOOP;
        -- the others are in somebody's hands at the moment, which may be all that there are
        next_soon := seen < cardinality(page) AND NOT is_held;
        EXIT WHEN cardinality(taken) >= a.count OR NOT is_held AND cardinality(page) < size OR by_lanes AND cardinality(taken) + cardinality(is_full) + cardinality(is_empty) = known;
        IF NOT by_lanes THEN is_full := is_full || ARRAY(${full}); END IF;
        by_lanes := true;
        size := ${PAGE};
      END LOOP;
      IF taken <> '{}' THEN
        SELECT json_agg(${whole} ORDER BY place) INTO found FROM unnest(taken) WITH ORDINALITY AS mine (id, place) JOIN ${joined} USING (id);
      END IF;
      IF cardinality(taken) >= a.count OR next_soon THEN
        next_at := at;
      ELSE
        ${later};
      END IF;
      RETURN json_build_object('runs', coalesce(found, '[]'), 'now', at, 'nextAt', next_at);`),
    routine('renew', 'a record; kept json;', `
      ${read('worker text, "ttlMs" bigint, ids json')}
      WITH mine AS MATERIALIZED (
        SELECT id FROM ${head} WHERE id IN (SELECT json_array_elements_text(a.ids)) AND owner = a.worker AND status = 'running' ORDER BY id FOR UPDATE
      ), renewed AS (
        UPDATE ${head} AS run SET lease_until = at + a."ttlMs" FROM mine WHERE run.id = mine.id RETURNING run.id, cancel_at IS NOT NULL AS cancelled
      ) SELECT coalesce(json_object_agg(id, cancelled), '{}') INTO kept FROM renewed;
      RETURN json_build_object('now', at, 'kept', kept);`),
    routine('release', 'a record;', `
      ${read('worker text')}
      WITH mine AS MATERIALIZED (SELECT id FROM ${head} WHERE ${FREE} AND status = 'running' AND owner = a.worker ORDER BY id FOR UPDATE)
      UPDATE ${head} AS run SET status = 'waiting', owner = NULL, lease_until = NULL, due_at = at FROM mine WHERE run.id = mine.id;
      RETURN NULL;`),
    routine('purge', 'a record; gone text[];', `
      ${read('"endedBefore" bigint, count int')}
      IF a."endedBefore" IS NULL THEN
        gone := ARRAY(SELECT id FROM ${head} WHERE finished_at + retention_ms <= at LIMIT a.count FOR UPDATE SKIP LOCKED);
      ELSE
        gone := ARRAY(SELECT id FROM ${head} WHERE finished_at < a."endedBefore" LIMIT a.count FOR UPDATE SKIP LOCKED);
      END IF;
      DELETE FROM ${schema}.payloads WHERE id = ANY (gone);
      DELETE FROM ${schema}.journal WHERE run_id = ANY (gone);
      DELETE FROM ${schema}.inbox WHERE run_id = ANY (gone);
      DELETE FROM ${head} WHERE id = ANY (gone);
      RETURN to_json(cardinality(gone));`),
  ].join('\n')
}

export interface Routines {
  readonly sql: string
  /** The name of a routine; all have that of their version in it, so that programs of several versions share tables. */
  call(name: string): string
}

export const createRoutines = async (schema: string): Promise<Routines> => {
  const version = (await digest(toBytes(routines('', (name) => name)))).slice(0, 8)
  const call = (name: string): string => `${schema}."runs_${name}_${version}"`
  return { sql: routines(schema, call), call }
}
