-- What a run says, in DuckDB. From the folder of a run with formats = ["csv", "parquet"] and draws = true:
--
--     cd results/NAME && duckdb < ../../scripts/query_run.sql
--
-- Without Parquet files, read 'configurations.csv' in place of 'configurations.parquet'.

-- What the columns mean.
SELECT unnest(from_json(decode(value), '[{"name":"VARCHAR","type":"VARCHAR","unit":"VARCHAR","meaning":"VARCHAR"}]'), recursive := true)
FROM parquet_kv_metadata('configurations.parquet')
WHERE key = 'liftsweep.columns';

-- The best rule of every world by what moving today is worth, and what it promised.
SELECT dispersion, elasticity, noise_cv, drift_cv, configuration, score, alpha, delta,
       round(plan_lift, 4) AS promised, round(recommended_mean, 4) AS delivered,
       round(recommended_p05, 4) AS p05, round(recommended_p95, 4) AS p95, round(moved_share, 3) AS moves
FROM 'configurations.parquet'
QUALIFY row_number() OVER (PARTITION BY dispersion, elasticity, noise_cv, drift_cv ORDER BY recommended_mean DESC, configuration) = 1
ORDER BY configuration;

-- A heat map: the best mean of the first world over alpha and delta.
PIVOT (
    SELECT alpha, delta, recommended_mean
    FROM 'configurations.parquet'
    WHERE (dispersion, elasticity, noise_cv, drift_cv) = (
        SELECT (dispersion, elasticity, noise_cv, drift_cv) FROM 'configurations.parquet' WHERE configuration = 0)
)
ON delta USING round(100 * max(recommended_mean), 2) GROUP BY alpha ORDER BY alpha;

-- Mean against CVaR: the rules that no other rule of their world beats in both.
SELECT configuration, score, alpha, delta, decision_mean, decision_cvar
FROM 'configurations.parquet'
WHERE pareto
ORDER BY decision_mean DESC
LIMIT 20;

-- Which way the money goes by the rule with the highest mean of all worlds, channel by channel.
SELECT channel, spend_now, round(budget_new, 2) AS budget_new, round(change, 2) AS change,
       round(share_p05, 4) AS share_p05, round(share_p95, 4) AS share_p95
FROM 'allocations.parquet'
WHERE configuration = (
    SELECT configuration FROM 'configurations.parquet' ORDER BY recommended_mean DESC, configuration LIMIT 1)
ORDER BY abs(change) DESC;

-- The distribution of that rule's lift, as a histogram from every replicate.
SELECT bin, count, bar(count, 0, max(count) OVER (), 40) AS distribution
FROM (
    SELECT round(recommended * 200) / 2 AS bin, count(*) AS count
    FROM 'draws.parquet'
    WHERE configuration = (
        SELECT configuration FROM 'configurations.parquet' ORDER BY recommended_mean DESC, configuration LIMIT 1)
    GROUP BY bin)
ORDER BY bin;
