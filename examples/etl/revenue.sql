-- An ETL job: orders and lines from Parquet, customers and nations from CSV, one Parquet file out.
-- Run from the root of the repository; `make demo` makes the files it reads.

CREATE VIEW lineitem AS FROM 'build/data/tpch-0.1/lineitem.parquet';
CREATE VIEW orders AS FROM 'build/data/tpch-0.1/orders.parquet';
CREATE VIEW customer AS FROM 'build/data/tpch-0.1/customer.csv';
CREATE VIEW nation AS FROM 'build/data/tpch-0.1/nation.csv';

CREATE VIEW sales AS
SELECT n_name AS nation,
       c_mktsegment AS segment,
       extract(year FROM o_orderdate) AS year,
       count(DISTINCT o_orderkey) AS orders,
       sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
JOIN customer ON c_custkey = o_custkey
JOIN nation ON n_nationkey = c_nationkey
GROUP BY n_name, c_mktsegment, extract(year FROM o_orderdate);

CREATE VIEW ranked AS
SELECT nation, year, segment, orders, revenue,
       rank() OVER (PARTITION BY nation, year ORDER BY revenue DESC) AS place,
       sum(revenue) OVER (PARTITION BY nation, segment ORDER BY year) AS revenue_so_far
FROM sales;

EXPLAIN SELECT * FROM ranked ORDER BY nation, year, place;

COPY (SELECT * FROM ranked ORDER BY nation, year, place)
TO 'build/data/revenue.parquet' (FORMAT parquet, COMPRESSION zstd);

SELECT * FROM 'build/data/revenue.parquet' WHERE place = 1 ORDER BY nation, year LIMIT 14;
