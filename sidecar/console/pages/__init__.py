"""The console's pages: answers of the API -> HTML that says everything without a script. Pure functions.

marks       the pieces: states, times, numbers with their meaning, links to the API, empty states
frame       what is around every page: navigation, the state of the whole, the scripts
overview    six failure modes, traffic                    features    inputs beside the reference, one by one
outliers    map, cohorts, their rows                      exchange    one call with all that is kept of it
chain       who feeds whom, who broke it, one trace       performance labels, realised and estimated
policies    what is in force and what it did              health      what is lost, settings, versions
sign_in     the form for a token                          refusal   what is not there, or may not be seen

A script (static/console.js) only makes them live: it swaps parts that changed, draws charts that can be
pointed at, and shows times in the viewer's zone. So there is one renderer, and one place where things are
escaped."""
