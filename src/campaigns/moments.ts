/** To the microsecond, which a date of JavaScript does not hold. */
export const exactly = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
