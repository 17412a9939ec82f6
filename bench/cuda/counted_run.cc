#include "bench/cuda/counted_run.h"

#include "base/error.h"
#include "cuda/compile.h"
#include "cuda/library.h"

namespace convoy::bench {
namespace {

// Entries of libcuda that only profilers listen to.
struct Profiler {
  CUresult (*cuProfilerStart)() = nullptr;
  CUresult (*cuProfilerStop)() = nullptr;

  Profiler() {
    cuda::Library library("CONVOY_LIBCUDA", {"libcuda.so.1"});
    library.find(cuProfilerStart, "cuProfilerStart");
    library.find(cuProfilerStop, "cuProfilerStop");
    if (!library.missing().empty()) fail(ErrorCode::kDevice, library.missing());
  }
};

const Profiler& profiler() {
  static const Profiler once;
  return once;
}

const cuda::Program kMark{.kernel = "bench_fcm_mark",
                          .source = "extern \"C\" __global__ void bench_fcm_mark() {}\n",
                          .options = {}};

}  // namespace

CountedRun::CountedRun(const cuda::Device& device)
    : device_(device),
      mark_(device, cuda::compile({&kMark, 1}, device.desc().cuda.arch)[0]),
      flushed_(device, static_cast<std::size_t>(4 * device.desc().l2_bytes)) {}

void CountedRun::operator()(std::size_t row, const Enqueue& enqueue, CUstream stream) const {
  const cuda::ContextScope scope(device_);
  device_.synchronize();
  flushed_.fill(0);
  count(row, enqueue, stream);
}

void CountedRun::repeated(std::size_t row, const Enqueue& enqueue, CUstream stream) const {
  const cuda::ContextScope scope(device_);
  enqueue(stream);
  device_.synchronize();
  count(row, enqueue, stream);
}

void CountedRun::count(std::size_t row, const Enqueue& enqueue, CUstream stream) const {
  profiler().cuProfilerStart();
  mark_.launch({.grid = {static_cast<std::uint32_t>(row + 1), 1, 1}}, stream, nullptr);
  enqueue(stream);
  device_.synchronize();
  profiler().cuProfilerStop();
}

}  // namespace convoy::bench
