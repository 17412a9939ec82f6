// Our declarations against those of NVIDIA's header, where this machine has it.
#include "cuda/cublas_api.h"

#include <gtest/gtest.h>

#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>

#include <type_traits>

namespace convoy::cuda::cublas_api {
namespace {

// A type as a caller and a callee must agree on it: enumerations are integers, handles addresses.
template <class T>
struct Passed {
  using type = T;
};
template <class T>
requires std::is_enum_v<T>
struct Passed<T> {
  using type = std::underlying_type_t<T>;
};
template <>
struct Passed<Handle> {
  using type = void*;
};
template <>
struct Passed<cublasHandle_t> {
  using type = void*;
};
template <>
struct Passed<Handle*> {
  using type = void**;
};
template <>
struct Passed<cublasHandle_t*> {
  using type = void**;
};
// Theirs count from 0 and so are unsigned, which is passed as int is.
template <>
struct Passed<unsigned> {
  using type = int;
};

template <class T>
using Agreed = typename Passed<typename Passed<T>::type>::type;

template <class Result, class... Arguments>
auto agreed(Result (*)(Arguments...)) -> Agreed<Result> (*)(Agreed<Arguments>...);

TEST(CublasApi, IsAsTheHeaderDeclaresIt) {
#define CONVOY_CUBLAS_ENTRY(name)                                                               \
  EXPECT_TRUE((std::is_same_v<decltype(agreed(&::name)), decltype(agreed(&cublas_api::name))>)) \
      << #name;
  CONVOY_CUBLAS_ENTRIES(CONVOY_CUBLAS_ENTRY)
#undef CONVOY_CUBLAS_ENTRY
  EXPECT_EQ(static_cast<int>(Status::kSuccess), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(static_cast<int>(Status::kAllocFailed), CUBLAS_STATUS_ALLOC_FAILED);
  EXPECT_EQ(static_cast<int>(Operation::kNone), CUBLAS_OP_N);
  EXPECT_EQ(static_cast<int>(Operation::kTranspose), CUBLAS_OP_T);
  EXPECT_EQ(static_cast<int>(MathMode::kDefault), CUBLAS_DEFAULT_MATH);
}

}  // namespace
}  // namespace convoy::cuda::cublas_api
#else
TEST(CublasApi, IsAsTheHeaderDeclaresIt) { GTEST_SKIP() << "this machine has no cublas_v2.h"; }
#endif
