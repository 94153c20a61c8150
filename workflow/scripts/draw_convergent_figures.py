"""Draw the figures of Li et al. 2016, each beside those of untrained networks."""

from transferscope import store
from transferscope.convergence import examples
from transferscope.figures import style
from transferscope.figures.convergent import clusters, correlations, figure1, filters, layers, mapping, patches
from transferscope.job import job_log

with job_log(snakemake) as job:
    found, output, scale, facts = snakemake.input, snakemake.output, snakemake.params.scale, job.facts()
    matches, means = store.read_table(found.matches), store.read_table(found.layers)
    shown = examples.read(found.examples)

    style.save(figure1.draw(shown, matches, means, scale), output.figure1, facts)
    style.save(filters.draw(shown, matches, scale), output.filters, facts)
    style.save(correlations.draw(matches, scale), output.correlations, facts)
    style.save(layers.draw(means, scale), output.layers, facts)
    style.save(patches.draw(shown, matches, scale), output.patches, facts)
    style.save(mapping.draw(store.read_table(found.mapping), scale), output.mapping, facts)
    style.save(clusters.draw(shown, store.read_table(found.clusters), scale), output.clusters, facts)
