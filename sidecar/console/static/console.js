// The console's scripts, in the order of what they do: times, pictures, news.
// Pages say everything without them; see sidecar/console/pages.

import { localise } from "./times.js";
import { draw } from "./charts.js";
import { watch } from "./map.js";
import { listen } from "./live.js";

function enliven(part) {
  localise(part);
  draw(part);
  watch(part);
}

enliven(document);
listen(enliven);
