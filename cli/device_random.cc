#include "cli/device_random.h"

#include <algorithm>

#include "cli/inputs.h"
#include "cuda/driver.h"

namespace convoy::cli {

void fill_random(const cuda::Device& device, cuda::DeviceBuffer& buffer, DType dtype) {
  // Prime, so that rows, channels and images differ.
  constexpr std::size_t kTile = 1000003;
  const ConstTensor tile = random_tensor(dtype, {static_cast<std::int64_t>(kTile)}, 1);
  std::size_t filled = std::min(buffer.bytes(), tile->view().bytes());
  buffer.upload(tile->view().data, filled);
  const cuda::ContextScope scope(device);
  while (filled < buffer.bytes()) {
    const std::size_t more = std::min(filled, buffer.bytes() - filled);
    CONVOY_CU(cuMemcpyDtoDAsync(buffer.address() + filled, buffer.address(), more, nullptr));
    filled += more;
  }
  CONVOY_CU(cuStreamSynchronize(nullptr));
}

}  // namespace convoy::cli
