#include "kernels/registry.h"

namespace convoy {

ImplementationList resize_implementations() { return {}; }

}  // namespace convoy
