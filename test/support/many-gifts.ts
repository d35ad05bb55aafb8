/** So many confirmed gifts to a campaign, each with so many words, as nobody could give them one by one. */
export const MANY_GIFTS = `
  INSERT INTO donations (id, campaign_id, donor_key, donor_name, donor_email, messaging_consent, anonymous, message, amount_cents, currency,
    provider, method, status, created_at, expires_at, confirmed_at)
  SELECT lpad(to_hex(n), 32, '0')::uuid, $1, lpad(to_hex(n), 32, '0')::uuid, 'Bruno Lima', 'p' || n || '@example.org', false, false,
    repeat('Força! ', $3::int), n, 'BRL', 'sandbox', 'pix', 'confirmed', now(), now(), now()
  FROM generate_series(1, $2::int) AS n`;
