/* Convoy's C interface: the only symbols the library exports.
 *
 * Every function that can fail returns a convoy_status; convoy_last_error() then says in words, for
 * the calling thread, which node, tensor or argument was wrong, what was found and what was expected.
 * Nothing is ever thrown, printed or aborted. Handles that are null or already freed are refused.
 *
 * Structures begin with struct_size; fill them with their _init function first, so that programs keep
 * working when fields are added.
 */
#ifndef CONVOY_CONVOY_H_
#define CONVOY_CONVOY_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVOY_API __attribute__((visibility("default")))
#define CONVOY_MAX_RANK 8

typedef enum convoy_status {
  CONVOY_OK = 0,
  CONVOY_INVALID_ARGUMENT = 1,
  CONVOY_INVALID_MODEL = 2,
  CONVOY_UNSUPPORTED = 3,
  CONVOY_NOT_FOUND = 4,
  CONVOY_OUT_OF_MEMORY = 5,
  CONVOY_IO = 6,
  CONVOY_DEVICE = 7,
  CONVOY_INTERNAL = 8
} convoy_status;

typedef enum convoy_dtype {
  CONVOY_F32 = 0,
  CONVOY_F64,
  CONVOY_F16,
  CONVOY_BF16,
  CONVOY_S8,
  CONVOY_U8,
  CONVOY_S16,
  CONVOY_U16,
  CONVOY_S32,
  CONVOY_U32,
  CONVOY_S64,
  CONVOY_U64,
  CONVOY_BOOL /* one byte, 0 or 1 */
} convoy_dtype;

/* Where element (n, c, h, w) of a tensor lies. CHWN8 is [ceil(n/8)][c][h][w][8]. */
typedef enum convoy_layout { CONVOY_NCHW = 0, CONVOY_NHWC, CONVOY_CHWN, CONVOY_CHWN8 } convoy_layout;

CONVOY_API const char* convoy_version(void);

/* The message of the calling thread's last failure; empty when there was none. Valid until the
 * thread's next call. */
CONVOY_API const char* convoy_last_error(void);

/* Names of all kernels in the registry's order; null from `index` = their number on. */
CONVOY_API const char* convoy_kernel_name(size_t index);

/* --- models -------------------------------------------------------------------------------------- */

typedef struct convoy_model convoy_model;

/* A tensor as a model or session sees it. Extents that are still open are -1. `name` lives as long as
 * the handle it was asked of. */
typedef struct convoy_tensor_info {
  size_t struct_size;
  const char* name;
  convoy_dtype dtype;
  int32_t rank; /* -1: the model does not say */
  int64_t dims[CONVOY_MAX_RANK];
} convoy_tensor_info;

CONVOY_API void convoy_tensor_info_init(convoy_tensor_info* info);

/* An ONNX file (opsets 6 to 21). External data may lie beside the file only. */
CONVOY_API convoy_status convoy_model_load(const char* path, convoy_model** model);
/* The same from memory, which is copied; models with external data are refused. */
CONVOY_API convoy_status convoy_model_load_bytes(const void* bytes, size_t size, convoy_model** model);
CONVOY_API convoy_status convoy_model_input_count(const convoy_model* model, size_t* count);
CONVOY_API convoy_status convoy_model_output_count(const convoy_model* model, size_t* count);
CONVOY_API convoy_status convoy_model_input(const convoy_model* model, size_t index,
                                            convoy_tensor_info* info);
CONVOY_API convoy_status convoy_model_output(const convoy_model* model, size_t index,
                                             convoy_tensor_info* info);
/* Null is allowed. Sessions made from the model go on. */
CONVOY_API void convoy_model_free(convoy_model* model);

/* --- sessions ------------------------------------------------------------------------------------ */

typedef struct convoy_session convoy_session;

typedef struct convoy_shape {
  const char* input;
  int32_t rank;
  const int64_t* dims;
} convoy_shape;

/* What a plan makes least: the time of a run, the bytes that its steps move, or the activations. */
typedef enum convoy_objective {
  CONVOY_LEAST_TIME = 0,
  CONVOY_LEAST_BYTES,
  CONVOY_LEAST_MEMORY
} convoy_objective;

typedef struct convoy_session_options {
  size_t struct_size;
  int32_t threads;            /* 0: what this process may use */
  int64_t batch;              /* first extent of every input; 0: as the model says, 1 where open */
  const convoy_shape* shapes; /* extents of inputs by name */
  size_t shape_count;
  const char* const* force;   /* "conv=direct.cpu.f32": a kernel to use wherever it can run */
  size_t force_count;
  convoy_objective objective;
  uint64_t memory_budget; /* the most that the activations may take, in bytes; 0: no limit */
  int32_t no_fusion;      /* not 0: every convolution is a step of its own */
  const char* plan;       /* path of a plan that `convoy plan --save-plan` wrote, which is run instead
                           * of planning; objective, no_fusion and force must then be left alone.
                           * Null: none */
} convoy_session_options;

CONVOY_API void convoy_session_options_init(convoy_session_options* options);
/* The same for the first `size` bytes, which is how a library newer than the program that calls it
 * knows how much memory it may write; convoy_session_options_init(options) passes it. The plain
 * function is for programs that were built before there was an `objective`. */
CONVOY_API void convoy_session_options_init_sized(convoy_session_options* options, size_t size);
#define convoy_session_options_init(options) \
  convoy_session_options_init_sized((options), sizeof(convoy_session_options))

/* Plans the model and prepares its kernels. `options` may be null. */
CONVOY_API convoy_status convoy_session_create(const convoy_model* model,
                                               const convoy_session_options* options,
                                               convoy_session** session);
/* A session for another thread: the weights and the plan are shared, the activations are its own. */
CONVOY_API convoy_status convoy_session_clone(const convoy_session* session, convoy_session** clone);
CONVOY_API convoy_status convoy_session_input_count(const convoy_session* session, size_t* count);
CONVOY_API convoy_status convoy_session_output_count(const convoy_session* session, size_t* count);
CONVOY_API convoy_status convoy_session_input(const convoy_session* session, size_t index,
                                              convoy_tensor_info* info);
CONVOY_API convoy_status convoy_session_output(const convoy_session* session, size_t index,
                                               convoy_tensor_info* info);
/* Bytes of activations the session holds, and of weights its program holds (shared by clones). */
CONVOY_API convoy_status convoy_session_memory(const convoy_session* session, size_t* arena_bytes,
                                               size_t* weight_bytes);
/* One pointer per input and output, row-major, of the sizes that convoy_session_input/_output say,
 * aligned to their elements; outputs overlap nothing. Allocates nothing. A session runs in one thread
 * at a time; a second call meanwhile is refused. */
CONVOY_API convoy_status convoy_session_run(convoy_session* session, const void* const* inputs,
                                            size_t input_count, void* const* outputs,
                                            size_t output_count);
CONVOY_API void convoy_session_free(convoy_session* session);

/* --- one convolution ----------------------------------------------------------------------------- */

typedef struct convoy_conv2d convoy_conv2d;

typedef enum convoy_activation {
  CONVOY_NO_ACTIVATION = 0,
  CONVOY_RELU,
  CONVOY_CLIP,         /* min(max(x, alpha), beta) */
  CONVOY_LEAKY_RELU,   /* x < 0 ? alpha * x : x */
  CONVOY_HARD_SIGMOID, /* max(0, min(1, alpha * x + beta)) */
  CONVOY_HARD_SWISH,   /* x * max(0, min(1, alpha * x + beta)) */
  CONVOY_SIGMOID,
  CONVOY_SILU,
  CONVOY_TANH,
  CONVOY_GELU
} convoy_activation;

/* How products of f32 may be added up. */
typedef enum convoy_precision {
  CONVOY_STRICT = 0, /* by fused multiply-adds */
  CONVOY_SPLIT       /* also on a GPU's tensor cores, both factors in two parts: as accurate, but
                      * infinities and values above 2^128 - 2^116 become NaN */
} convoy_precision;

/* Input n x c x h x w, weights k x c/groups x r x s (row-major in that order, whatever the layout),
 * output n x k x p x q, bias k values. y = activation(conv(x, w) + bias + residual). */
typedef struct convoy_conv2d_desc {
  size_t struct_size;
  int64_t n, c, h, w;
  int64_t k, r, s;
  int64_t stride_h, stride_w;
  int64_t dilation_h, dilation_w;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t groups;
  convoy_dtype dtype;   /* of all operands: CONVOY_F32 or CONVOY_F64; CONVOY_F16 and CONVOY_BF16 for
                         * depthwise and pointwise convolutions on a GPU, whose sums are f32 */
  convoy_layout layout; /* of input, output and residual */
  convoy_activation activation;
  float alpha, beta;    /* of the activation */
  int32_t has_residual; /* a tensor of the output's shape is added before the activation */
  int32_t threads;      /* of the CPU; 0: what this process may use */
  const char* device;   /* null or "cpu"; "cuda" (the first GPU), "cuda:1"; not kept */
  convoy_precision precision; /* a permission; what is strict is permitted as well */
} convoy_conv2d_desc;

/* All extents 1, stride and dilation 1, no padding, one group, f32, NHWC, on the CPU. */
CONVOY_API void convoy_conv2d_desc_init(convoy_conv2d_desc* desc);
/* The same for the first `size` bytes, which is how a library newer than the program that calls it
 * knows how much memory it may write; convoy_conv2d_desc_init(desc) passes it. The plain function
 * is for programs that were built before there was a `device`. */
CONVOY_API void convoy_conv2d_desc_init_sized(convoy_conv2d_desc* desc, size_t size);
#define convoy_conv2d_desc_init(desc) \
  convoy_conv2d_desc_init_sized((desc), sizeof(convoy_conv2d_desc))

/* Output rows and columns. */
CONVOY_API convoy_status convoy_conv2d_output(const convoy_conv2d_desc* desc, int64_t* p, int64_t* q);

typedef struct convoy_conv2d_candidate {
  size_t struct_size;
  const char* name;      /* static */
  const char* declined;  /* the reason, until the thread's next call; null when it can run */
  size_t workspace_bytes;
  double estimated_seconds;
} convoy_conv2d_candidate;

CONVOY_API void convoy_conv2d_candidate_init(convoy_conv2d_candidate* candidate);

/* The index-th kernel of the registry for convolutions, judged for the device described;
 * CONVOY_NOT_FOUND past the last, CONVOY_DEVICE when there is no such GPU. */
CONVOY_API convoy_status convoy_conv2d_candidate_at(const convoy_conv2d_desc* desc, size_t index,
                                                    convoy_conv2d_candidate* candidate);

/* Prepares `kernel` (null: the one with the least estimate) with these weights and bias (null: none),
 * both in host memory, which is not needed afterwards. On a GPU this compiles the kernel and copies the
 * weights to the device; CONVOY_DEVICE says in words what is missing where that cannot be. */
CONVOY_API convoy_status convoy_conv2d_create(const convoy_conv2d_desc* desc, const char* kernel,
                                              const void* weights, const void* bias,
                                              convoy_conv2d** conv);
/* The same of two or three depthwise and pointwise convolutions that follow each other, as one kernel
 * between which nothing is written to memory: x is the first one's, y the last one's, and so is the
 * residual. What lies between two of them is rounded to their dtype. On a GPU in CONVOY_F32, _F16 and
 * _BF16, on the CPU in CONVOY_F32. `weights` and `biases` have one pointer for each; `biases`, or one
 * of them, may be null. Workspace is that of convoy_conv2d_workspace. */
CONVOY_API convoy_status convoy_conv2d_create_fused(const convoy_conv2d_desc* const* stages,
                                                    size_t stage_count, const char* kernel,
                                                    const void* const* weights,
                                                    const void* const* biases,
                                                    convoy_conv2d** conv);
CONVOY_API convoy_status convoy_conv2d_fused_candidate_at(const convoy_conv2d_desc* const* stages,
                                                          size_t stage_count, size_t index,
                                                          convoy_conv2d_candidate* candidate);
CONVOY_API convoy_status convoy_conv2d_name(const convoy_conv2d* conv, const char** name);
/* Bytes of scratch that execute and enqueue need; 64-byte aligned. */
CONVOY_API convoy_status convoy_conv2d_workspace(const convoy_conv2d* conv, size_t* bytes);
/* Runs and returns when y is written. `residual` is null unless described, `workspace` may be null when
 * 0 bytes are needed. Output and workspace overlap nothing. Several threads may call; on the CPU they
 * take turns. On a GPU the pointers are as enqueue has them, and the default stream is used. */
CONVOY_API convoy_status convoy_conv2d_execute(const convoy_conv2d* conv, const void* x,
                                               const void* residual, void* y, void* workspace,
                                               size_t workspace_bytes);
/* Enqueues on a stream of the handle's GPU (a CUstream or cudaStream_t; null: the default stream) and
 * returns; allocates nothing and waits for nothing. Every pointer is memory of that GPU, x, residual
 * and y 16-byte aligned; each is looked up in the driver first, so host memory and another GPU's are
 * refused by name rather than found by a kernel. Threads may call at once. Work in flight at the same
 * time needs a workspace each. The handle is freed after the work it enqueued is done. A handle of the
 * CPU is refused. */
CONVOY_API convoy_status convoy_conv2d_enqueue(const convoy_conv2d* conv, const void* x,
                                               const void* residual, void* y, void* workspace,
                                               size_t workspace_bytes, void* stream);
CONVOY_API void convoy_conv2d_free(convoy_conv2d* conv);

#ifdef __cplusplus
}
#endif

#endif
