const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((word) => word !== ''));

/** All that a question may call, by the names that DuckDB's parser gives them. None of them reads, writes, waits, or makes much of little. */
export const allowedFunctions = words(`
  + - * / // % ** ^ & | || ~~ !~~ ~~* !~~* ~~~ = <> < > <= >= !
  count count_star count_if countif sum sum_no_overflow fsum avg mean min max first last any_value arg_min arg_max argmin argmax min_by max_by
  median mode quantile quantile_cont quantile_disc approx_count_distinct approx_quantile stddev stddev_pop stddev_samp variance var_pop var_samp
  corr covar_pop covar_samp regr_slope regr_intercept regr_r2 bool_and bool_or product entropy skewness kurtosis mad
  row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
  abs round floor ceil ceiling trunc sign sqrt cbrt exp ln log log2 log10 power pow mod greatest least isnan isinf isfinite divide fdiv
  coalesce nullif ifnull if constant_or_null typeof
  lower upper lcase ucase trim ltrim rtrim length len strlen char_length character_length substring substr left right position strpos instr
  replace reverse contains starts_with prefix ends_with suffix concat concat_ws split_part strip_accents regexp_matches regexp_full_match like_escape
  not_like_escape ilike_escape not_ilike_escape nfc_normalize ascii levenshtein jaro_winkler_similarity format_bytes
  date_part datepart date_trunc datetrunc date_diff datediff date_sub datesub date_add dateadd last_day make_date strftime strptime try_strptime
  year month day quarter week weekofyear yearweek dayofweek dayofmonth dayofyear isodow isoyear weekday dayname monthname decade century
  hour minute second epoch epoch_ms today current_date now get_current_timestamp current_timestamp age timezone to_timestamp
  to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_quarters julian
  grouping grouping_id
`);

/** Such that make rows of nothing; their size is bounded by the deadline and the memory. */
export const allowedTableFunctions = words('range generate_series');

export const allowedTypes: ReadonlySet<string> = new Set([
  'TIMESTAMP WITH TIME ZONE',
  ...words(`BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT DOUBLE DECIMAL
  VARCHAR DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL NULL INTEGER_LITERAL`),
]);

export const allowedExpressions = words(
  'COLUMN_REF CONSTANT FUNCTION WINDOW CAST COMPARISON CONJUNCTION BETWEEN CASE OPERATOR SUBQUERY STAR POSITIONAL_REFERENCE',
);
export const allowedNodes = words('SELECT_NODE SET_OPERATION_NODE');
export const allowedSources = words('BASE_TABLE SUBQUERY JOIN EMPTY EXPRESSION_LIST TABLE_FUNCTION');
