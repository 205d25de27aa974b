"""Makes dapo.parquet: rows of our own in the columns of DAPO-Math-17k, with nested lists and structs (pyarrow 21)."""
import pyarrow as pa
import pyarrow.parquet as pq

ASK = "Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer.\n\n{}\n\nRemember to put your answer on its own line after \"Answer:\"."
rows = []
for i in range(12):
    problem = f"What is {i % 6} + 7?"
    rows.append({
        "data_source": "math_dapo",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASK.format(problem)}],
        "ability": "MATH",
        "reward_model": {"ground_truth": str(i % 6 + 7) if i != 5 else "\\frac{1}{", "style": "rule"},
        "extra_info": {"index": f"row-{i}"},
    })
pq.write_table(pa.Table.from_pylist(rows), "dapo.parquet", compression="zstd")
