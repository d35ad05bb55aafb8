export const TODAY = (zone: string) => `(now() AT TIME ZONE ${zone})::date`;

/**
 * The first instant of the next day. Where its midnight is passed twice, the first of them; where there is none,
 * PostgreSQL takes the instant at which it was skipped.
 */
export const endOf = (day: string, zone: string) => {
  const midnight = `((${day} + 1)::timestamp AT TIME ZONE ${zone})`;
  const back = `greatest(((${midnight} - interval '1 day') AT TIME ZONE ${zone}) - (${day})::timestamp, interval '0')`;
  return `CASE WHEN ((${midnight} - ${back}) AT TIME ZONE ${zone})::date > ${day} THEN ${midnight} - ${back} ELSE ${midnight} END`;
};

/** Of the person, his plan, or all; and what was granted him. */
const allowedTo = (user: string, everyone: string, everyonesUsd: string) => `(
    SELECT (coalesce(b.daily_tokens, p.daily_tokens, ${everyone}::bigint)
        + coalesce((SELECT sum(g.tokens) FROM ai_grants g WHERE g.user_id = u.id AND g.expires_at > now()), 0))::bigint AS tokens,
        (coalesce(b.daily_usd, p.daily_usd, ${everyonesUsd}::float8) * 1e9)::bigint AS nanos
      FROM users u LEFT JOIN ai_budgets b ON b.user_id = u.id LEFT JOIN plans p ON p.id = u.plan_id WHERE u.id = ${user})`;

const STANDING = `d.day::text, allowed.tokens::float8 AS "limit", d.used::float8, d.reserved::float8, d.streams,
  allowed.nanos::float8 AS "limitNanos", d.cost_nanos::float8 AS "costNanos", d.reserved_nanos::float8 AS "reservedNanos", d.warned,
  ${endOf('d.day', '$2')} AS "resetsAt"`;

const PROMPT = '$5::bigint';
const WISH = '$6::bigint';
/** As much of the wish as tokens and money allow. */
const GRANTED = `least(${PROMPT} + ${WISH}, allowed.tokens - d.used - d.reserved, CASE WHEN allowed.nanos IS NULL THEN ${PROMPT} + ${WISH}
    WHEN allowed.nanos - d.cost_nanos - d.reserved_nanos < ${PROMPT} * $13::bigint THEN 0
    WHEN $14::bigint = 0 THEN ${PROMPT} + ${WISH}
    ELSE ${PROMPT} + (allowed.nanos - d.cost_nanos - d.reserved_nanos - ${PROMPT} * $13::bigint) / greatest($14::bigint, 1) END)`;
const NANOS = `${PROMPT} * $13::bigint + (${GRANTED} - ${PROMPT}) * $14::bigint`;

/** What is left is looked at where it is taken, in the row as it is once nobody else holds it. */
export const RESERVE = {
  name: 'ai-reserve',
  text: `WITH allowed AS MATERIALIZED ${allowedTo('$1', '$3', '$4')},
    taken AS (
      UPDATE ai_days d SET granted = ${GRANTED}, reserved = d.reserved + ${GRANTED}, reserved_nanos = d.reserved_nanos + ${NANOS},
          streams = d.streams + $8::int
        FROM allowed WHERE d.user_id = $1 AND d.day = ${TODAY('$2')} AND ${GRANTED} >= ${PROMPT} + $7::bigint
          AND ($8::int = 0 OR d.streams + coalesce((SELECT y.streams FROM ai_days y WHERE y.user_id = $1 AND y.day = d.day - 1), 0) < $9)
      RETURNING d.*
    ), call AS (
      INSERT INTO ai_calls (id, user_id, day, model, state, streaming, reserved, reserved_nanos, spent, cost_nanos, lease_until, began_at)
      SELECT $10, user_id, day, $11, 'open', $8::int = 1, granted, ${PROMPT} * $13::bigint + (granted - ${PROMPT}) * $14::bigint,
          ${PROMPT}, ${PROMPT} * $13::bigint, now() + $12 * interval '1 second', now() FROM taken
    )
    SELECT ${STANDING}, d.granted::float8 FROM taken d, allowed`,
};

/** Several at once, in their order: as many of each person as fit whole beside those before them. The others have to be asked for alone. */
export const RESERVE_TOGETHER = {
  name: 'ai-reserve-together',
  text: `WITH wanted AS (
      SELECT id, user_id, model, prompt, prompt * input AS prompt_nanos, prompt + completion AS tokens, prompt * input + completion * output AS nanos,
          sum(prompt + completion) OVER so_far AS tokens_so_far, sum(prompt * input + completion * output) OVER so_far AS nanos_so_far
        FROM unnest($1::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
          WITH ORDINALITY AS w(user_id, id, model, prompt, completion, input, output, nth)
        WINDOW so_far AS (PARTITION BY user_id ORDER BY nth)
    ), held AS (
      SELECT * FROM ai_days WHERE user_id = ANY($1) AND day = ${TODAY('$2')} ORDER BY user_id FOR NO KEY UPDATE
    ), allowed AS MATERIALIZED (
      SELECT held.user_id, own.* FROM held, LATERAL ${allowedTo('held.user_id', '$3', '$4')} own
    ), call AS (
      SELECT wanted.*, held.day FROM wanted JOIN held USING (user_id) JOIN allowed USING (user_id)
        WHERE held.used + held.reserved + tokens_so_far <= allowed.tokens
          AND (allowed.nanos IS NULL OR held.cost_nanos + held.reserved_nanos + nanos_so_far <= allowed.nanos)
    ), sums AS (
      SELECT user_id, day, array_agg(id) AS ids, sum(tokens)::bigint AS tokens, sum(nanos)::bigint AS nanos FROM call GROUP BY user_id, day
    ), taken AS (
      UPDATE ai_days d SET reserved = d.reserved + sums.tokens, reserved_nanos = d.reserved_nanos + sums.nanos
        FROM sums WHERE d.user_id = sums.user_id AND d.day = sums.day RETURNING d.*, sums.ids
    ), begun AS (
      INSERT INTO ai_calls (id, user_id, day, model, state, streaming, reserved, reserved_nanos, spent, cost_nanos, lease_until, began_at)
      SELECT id, user_id, day, model, 'open', false, tokens, nanos, prompt, prompt_nanos, now() + $11 * interval '1 second', now() FROM call
    )
    SELECT d.ids, ${STANDING} FROM taken d JOIN allowed USING (user_id)`,
};

/** Each call, and after these each day, is locked in the order of its key, so that whoever settles others at once never waits in a circle. */
export const SETTLE = {
  name: 'ai-settle',
  text: `WITH call AS (
      SELECT c.id, c.user_id, c.day, c.reserved, c.reserved_nanos, c.streaming, told.state,
          least(coalesce(told.spent, c.spent), c.reserved) AS spent, least(coalesce(told.cost_nanos, c.cost_nanos), c.reserved_nanos) AS cost_nanos
        FROM unnest($1::uuid[], $5::text[], $6::bigint[], $7::bigint[]) AS told(id, state, spent, cost_nanos)
        JOIN ai_calls c ON c.id = told.id WHERE c.state = 'open' ORDER BY c.id FOR NO KEY UPDATE OF c
    ), ended AS (
      UPDATE ai_calls c SET state = call.state, spent = call.spent, cost_nanos = call.cost_nanos, ended_at = now() FROM call WHERE c.id = call.id
    ), sums AS (
      SELECT user_id, day, array_agg(id) AS ids, sum(reserved)::bigint AS reserved, sum(spent)::bigint AS spent, sum(streaming::int)::int AS streams,
          sum(reserved_nanos)::bigint AS reserved_nanos, sum(cost_nanos)::bigint AS cost_nanos FROM call GROUP BY user_id, day
    ), held AS (
      SELECT user_id, day FROM sums JOIN ai_days d USING (user_id, day) ORDER BY user_id, day FOR NO KEY UPDATE OF d
    ), settled AS (
      UPDATE ai_days d SET reserved = d.reserved - sums.reserved, used = d.used + sums.spent, streams = d.streams - sums.streams,
          reserved_nanos = d.reserved_nanos - sums.reserved_nanos, cost_nanos = d.cost_nanos + sums.cost_nanos
        FROM sums JOIN held USING (user_id, day) WHERE d.user_id = sums.user_id AND d.day = sums.day RETURNING d.*, sums.ids
    )
    SELECT d.ids, ${STANDING} FROM settled d, LATERAL ${allowedTo('d.user_id', '$3', '$4')} allowed`,
};

export const OF_TODAY = {
  name: 'ai-standing',
  text: `SELECT ${STANDING} FROM ${allowedTo('$1', '$3', '$4')} allowed, LATERAL (
      SELECT t.day, coalesce(a.used, 0) AS used, coalesce(a.reserved, 0) AS reserved, coalesce(a.streams, 0) AS streams,
          coalesce(a.cost_nanos, 0) AS cost_nanos, coalesce(a.reserved_nanos, 0) AS reserved_nanos, coalesce(a.warned, false) AS warned
        FROM (SELECT ${TODAY('$2')} AS day) t LEFT JOIN ai_days a ON a.user_id = $1 AND a.day = t.day) d`,
};

/** Locked in the order in which they are settled. */
export const NOTE = `WITH mine AS (SELECT id FROM ai_calls WHERE id = ANY($1::uuid[]) AND state = 'open' ORDER BY id FOR NO KEY UPDATE),
  noted AS (
    UPDATE ai_calls c SET spent = least(n.spent, c.reserved), cost_nanos = least(n.cost, c.reserved_nanos), lease_until = now() + $4 * interval '1 second'
      FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n(id, spent, cost) JOIN mine USING (id) WHERE c.id = n.id RETURNING c.id, c.user_id
  )
  SELECT noted.id, u.disabled_at IS NULL AND u.deleted_at IS NULL AS may FROM noted JOIN users u ON u.id = noted.user_id`;
