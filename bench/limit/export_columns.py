"""bench/limit/export_columns.py -- the columns of lineitem that Q1 and Q6 read, as raw arrays.

    python export_columns.py LINEITEM.parquet COLUMN_FOLDER     (needs pyarrow)
"""
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def main(source, folder):
    os.makedirs(folder, exist_ok=True)
    names = ["l_quantity", "l_extendedprice", "l_discount", "l_tax", "l_shipdate", "l_returnflag", "l_linestatus"]
    table = pq.read_table(source, columns=names)
    for name in names:
        column = table[name].combine_chunks()
        if name == "l_shipdate":
            values = column.cast("int32").to_numpy()
        elif name in ("l_returnflag", "l_linestatus"):
            text = pc.cast(column, "string")
            codes = np.zeros(len(text), np.uint8)
            for code, label in enumerate(sorted(pc.unique(text).to_pylist())):
                codes[pc.equal(text, label).to_numpy(zero_copy_only=False)] = code
            values = codes
        else:  # decimal(15, 2): the low 64 bits of each 128-bit slot are the cents
            values = np.frombuffer(column.cast(pa.decimal128(15, 2)).buffers()[1], np.int64)[::2][: len(column)]
        np.ascontiguousarray(values).tofile(os.path.join(folder, name + ".bin"))


if __name__ == "__main__":
    main(*sys.argv[1:3])
