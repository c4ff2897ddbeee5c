#!/usr/bin/env python3
# tests/data/parquet/make.py -- makes the small files of the unit tests; run once, they are committed.
import os
import pyarrow as pa, pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
n = 10000
table = pa.table({
    "k": pa.array(range(n), pa.int64()),                                            # sorted: pages can be left out
    "g": pa.array([i % 7 for i in range(n)], pa.int32()),                           # a small dictionary
    "s": pa.array([None if i % 11 == 0 else f"text {i % 500}" for i in range(n)]),
    "l": pa.array([None if i % 13 == 0 else [i] * (i % 4) for i in range(n)], pa.list_(pa.int32())),
})
pq.write_table(table, here + "/pages.parquet", row_group_size=5000, data_page_size=2048, write_page_index=True,
               use_dictionary=["g", "s"], compression="zstd", write_batch_size=256)
big = pa.table({"k": pa.array(range(300000), pa.int32()),
                "g": pa.array([i // 1000 % 5 for i in range(300000)], pa.int8())})
pq.write_table(big, here + "/split.parquet", row_group_size=300000, use_dictionary=["g"],
               column_encoding={"k": "DELTA_BINARY_PACKED"}, compression="zstd", data_page_size=40000)
