# The workflow with all that it stands on, for sites that have containers and no conda; results go to /runs.
FROM python:3.11-slim

WORKDIR /opt/transferscope
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .

WORKDIR /runs
ENTRYPOINT ["snakemake", "--snakefile", "/opt/transferscope/Snakefile"]
