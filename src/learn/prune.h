// What is taken from a grown tree. Growing does not look at these params: the split of a node depends on its rows and its own
// random numbers alone, so stopping at a node, or growing the best leaf first, gives the same as growing all and keeping a part.
#pragma once

#include "learn/tree.h"

namespace hayate::learn {

/// min_impurity_decrease, then max_leaf_nodes, then ccp_alpha, each where asked for.
void prune(const Training& training, Tree& tree);

}  // namespace hayate::learn
