#include "cuda/graph.h"

#include "cuda/driver.h"

namespace convoy::cuda {
namespace {

// A stream that records. Ends recording when `enqueue` throws, so that the stream stays usable.
class Capture {
 public:
  explicit Capture(CUstream stream) : stream_(stream) {
    // Libraries may allocate while they are recorded, which only the relaxed mode allows.
    CONVOY_CU(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  }
  ~Capture() {
    if (!ended_) driver().cuStreamEndCapture(stream_, &graph_);
    if (graph_ != nullptr) driver().cuGraphDestroy(graph_);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  CUgraph end() {
    ended_ = true;
    CONVOY_CU(cuStreamEndCapture(stream_, &graph_));
    return graph_;
  }

 private:
  CUstream stream_;
  CUgraph graph_ = nullptr;
  bool ended_ = false;
};

}  // namespace

Graph::Graph(const Device& device, const Stream& stream, const std::function<void()>& enqueue)
    : device_(&device) {
  const ContextScope scope(device);
  Capture capture(stream.get());
  enqueue();
  CONVOY_CU(cuGraphInstantiateWithFlags(&executable_, capture.end(), 0));
}

Graph::~Graph() {
  if (executable_ != nullptr) driver().cuGraphExecDestroy(executable_);
}

void Graph::launch(CUstream stream) const {
  const ContextScope scope(*device_);
  CONVOY_CU(cuGraphLaunch(executable_, stream));
}

}  // namespace convoy::cuda
