-- What a run says, in DuckDB, from its CSV files alone:
--
--     cd results/NAME && duckdb < ../../scripts/query_run.sql
--
-- With formats = ["csv", "parquet"], 'configurations.parquet' may stand in place of 'configurations.csv':
-- it is faster where there are many configurations.

-- What the columns mean.
SELECT unnest(columns.configurations, recursive := true)
FROM read_json('manifest.json', columns = {
    columns: 'STRUCT(configurations STRUCT("name" VARCHAR, "type" VARCHAR, unit VARCHAR, meaning VARCHAR)[])'});

-- The best rule of every world by what moving today is worth, and what it promised.
SELECT dispersion, elasticity, noise_cv, drift_cv, configuration, score, alpha, delta,
       round(plan_lift, 4) AS promised, round(recommended_mean, 4) AS delivered,
       round(recommended_p05, 4) AS p05, round(recommended_p95, 4) AS p95, round(moved_share, 3) AS moves
FROM 'configurations.csv'
QUALIFY row_number() OVER (PARTITION BY dispersion, elasticity, noise_cv, drift_cv ORDER BY recommended_mean DESC, configuration) = 1
ORDER BY configuration;

-- The first world: means of different worlds do not compare. For another one, name a configuration of it.
CREATE TEMP VIEW world AS
SELECT * FROM 'configurations.csv'
WHERE (dispersion, elasticity, noise_cv, drift_cv) = (
    SELECT (dispersion, elasticity, noise_cv, drift_cv) FROM 'configurations.csv' WHERE configuration = 0);

-- A heat map: its best mean over alpha and delta.
PIVOT (SELECT alpha, delta, recommended_mean FROM world)
ON delta USING round(100 * max(recommended_mean), 2) GROUP BY alpha ORDER BY alpha;

-- Mean against CVaR: its rules that no other rule beats in both.
SELECT configuration, score, alpha, delta, decision_mean, decision_cvar
FROM world
WHERE pareto
ORDER BY decision_mean DESC
LIMIT 20;

-- Which way the money goes by its rule with the highest mean, channel by channel.
SELECT channel, spend_now, round(budget_new, 2) AS budget_new, round(change, 2) AS change,
       round(share_p05, 4) AS share_p05, round(share_p95, 4) AS share_p95
FROM 'allocations.csv'
WHERE configuration = (SELECT configuration FROM world ORDER BY recommended_mean DESC, configuration LIMIT 1)
ORDER BY abs(change) DESC;

-- With draws = true: the distribution of that rule's lift, as a histogram from every replicate.
-- SELECT bin, count, bar(count, 0, max(count) OVER (), 40) AS distribution
-- FROM (
--     SELECT round(recommended * 200) / 2 AS bin, count(*) AS count
--     FROM 'draws.parquet'
--     WHERE configuration = (SELECT configuration FROM world ORDER BY recommended_mean DESC, configuration LIMIT 1)
--     GROUP BY bin)
-- ORDER BY bin;
