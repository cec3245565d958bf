/* lur.h - the C interface of Lur: machine unlearning inside a program of your own.
 *
 * C99 and C++11; nothing is included but <stddef.h> and <stdint.h>. docs/embedding.md explains it with whole programs.
 *
 * Rules that hold for everything below.
 * - Every function that can fail returns int32_t: LUR_OK (0) or one of LUR_ERROR_*. No argument aborts the process; a
 * pointer to a struct or a text that is no memory is a fault of the program, as it is in any library of C.
 * lur_error_text gives one sentence about the last failure of the calling thread.
 * - Nothing is ever written to standard output or standard error. Without a log callback there is no log.
 * - Structs are passed by pointer and begin with their size in bytes, as the caller knows them: fill them with the
 * function lur_X_init, then set what differs; those that have none are zeroed and their size is set. Structs grow at
 * their end only; a shorter one than ours takes defaults for the rest, a longer one must have zeros there
 * (LUR_ERROR_NEWER_OPTION).
 * - Handles are numbers in the guise of pointers. They are never read through: one that was destroyed, or is none, or
 * is one of another kind gives LUR_ERROR_HANDLE; a null one LUR_ERROR_ARGUMENT.
 * - Strings are UTF-8 and end with a zero byte; they are copied before a function returns. Text comes out into a buffer
 * of the caller. No memory changes its owner.
 * - A session, with everything made in it, belongs to one thread at a time: any thread, but a call while another one is
 * under way gives LUR_ERROR_THREAD. Two sessions may be used by two threads at once.
 * - Callbacks run on the thread that made the call, within it, with the user pointer they were given with. They must
 * return: a C++ exception or a longjmp out of one makes the session unusable (LUR_ERROR_STATE), it cannot be closed
 * either, and a later call of any session may end the process: the runtime still has the frames. They may not call the
 * session, but for lur_cancel; functions without a session, and other sessions, they may.
 * - The current CUDA context of the calling thread is the same before and after every call, failures included.
 * - A function whose name ends in _enqueue gives work to the session's stream and returns: it does not wait for the
 * device, takes no memory and reads nothing back, and it may be captured into a graph of the caller.
 * - Addresses of device memory are numbers (uint64_t, a CUdeviceptr). Without a GPU the device is the CPU, and an
 * address of device memory is any address of the program.
 * - In a child of fork every call gives LUR_ERROR_FORKED, unless Lur was first used in the child.
 * - The first call installs handlers of SIGSEGV, SIGFPE, SIGBUS (CPU only) and the first real-time signal, which pass
 * on what is not theirs: a fault of the program, and a signal that is sent, do what they did before, the default action
 * included. Install handlers of your own before it, or chain to the earlier ones. No other disposition changes.
 * - An address that is none is LUR_ERROR_ARGUMENT where a callback, a tensor of a table on the host or the buffer for a
 * text gives it, as far as the host can tell. Where the device meets one, in a vector, it is LUR_ERROR_DEVICE
 * (lur_error_native: 700), and the context is lost: every session in it refuses every call but those that free. On the
 * CPU the next lur_open after all of them are closed begins anew.
 * - The library cannot be unloaded: dlclose leaves it in the process.
 */
#ifndef LUR_H
#define LUR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header: 1000 * major + minor. Within a major version functions, constants and fields are only added.
 */
#define LUR_API_VERSION 2

/* ---- errors
 * ---------------------------------------------------------------------------------------------------------- */

enum {
    LUR_OK = 0,
    LUR_ERROR_ARGUMENT = 1,  /* an argument is null, out of its range, or does not go with another */
    LUR_ERROR_SIZE = 2,      /* a struct is shorter than the first release's, or a count is out of range or differs */
    LUR_ERROR_HANDLE = 3,    /* a handle was destroyed, is none, or is one of another kind */
    LUR_ERROR_STATE = 4,     /* a call out of order; or a callback of the session did not return */
    LUR_ERROR_THREAD = 5,    /* the session is being used by another thread */
    LUR_ERROR_FORKED = 6,    /* the process is a child of one that used Lur */
    LUR_ERROR_NO_DEVICE = 7, /* there is nothing to compute on, or no such device */
    LUR_ERROR_DEVICE = 8,    /* CUDA reports a failure; its code: lur_error_native */
    LUR_ERROR_COMPILE = 9,   /* a kernel does not compile, or would have to be compiled and may not */
    LUR_ERROR_MEMORY = 10,   /* no memory is left, or the allocator gave none */
    LUR_ERROR_FILE = 11,     /* a file is missing or cannot be read or written */
    LUR_ERROR_FORMAT = 12,   /* a file is not what it should be */
    LUR_ERROR_UNSUPPORTED = 13,  /* Lur has no such thing */
    LUR_ERROR_CANCELLED = 14,    /* lur_cancel was called, or a callback asked for it */
    LUR_ERROR_NOT_FINITE = 15,   /* a result is not a number */
    LUR_ERROR_NEWER_OPTION = 16, /* a struct has fields that this version does not know */
    LUR_ERROR_DEFECT = 17        /* a mistake of Lur: please report it with the text */
};

/* Version of the library that is loaded, counted as LUR_API_VERSION. Any thread, any time. */
int32_t lur_api_version(void);

/* The same as text, for example "0.1.0"; lives for ever. Any thread, any time. */
const char* lur_version(void);

/* The last failure of the calling thread, one sentence, "" if there was none. Copies at most capacity - 1 bytes, whole
 * UTF-8 characters, and a zero byte; buffer may be null when capacity is 0. Returns the length of all of it, without
 * the zero byte. */
size_t lur_error_text(char* buffer, size_t capacity);

/* Code of CUDA that came with the last failure of the calling thread; 0 if none did. */
int32_t lur_error_native(void);

/* What this machine computes with, what was loaded from where, and the remedy for what is missing: many lines. Works
 * without a session. Copies like lur_error_text and returns the whole length; 0 after a failure. */
size_t lur_doctor(char* buffer, size_t capacity);

/* ---- sessions
 * -------------------------------------------------------------------------------------------------------- */

typedef struct lur_session lur_session; /* a device with a stream, and everything made in it */

enum {                      /* device_kind */
       LUR_DEVICE_AUTO = 0, /* the GPU where there is one */
       LUR_DEVICE_CUDA = 1,
       LUR_DEVICE_HOST = 2 /* the CPU. One kind serves a process: the first session chooses it */
};

enum { /* flags, added up */
       LUR_FLAG_NO_COMPILE =
           1, /* kernels are loaded at lur_open and never compiled: LUR_ERROR_COMPILE if one is missing */
       LUR_FLAG_IGNORE_ENVIRONMENT = 2, /* no environment variable is read; no cache but cache_folder. The libraries are
                                           the process's: who opens first decides how they are found */
       LUR_FLAG_NO_CACHE = 4            /* compiled kernels are neither kept nor looked for */
};

enum { /* level of a log line */
       LUR_LOG_WARNING = 1,
       LUR_LOG_INFO = 2
};

typedef struct lur_session_options {
    uint32_t size;       /* bytes of this struct */
    int32_t device_kind; /* LUR_DEVICE_AUTO */
    int32_t ordinal;     /* 0: which device, counted from 0; does not count with a context */
    int32_t threads; /* 0: worker threads on the CPU, 0 for the cores this process may use; counts for the process */
    void* context;   /* null: CUcontext to work in; null for the primary one, which is that of the CUDA runtime */
    void* stream;    /* null: CUstream of that context for all work, not the default stream; null to make one */
    /* null: gives device memory at a multiple of alignment; 0 if there is none. Called by lur_open, lur_X_create only.
     */
    uint64_t (*allocate)(void* user, uint64_t bytes, uint64_t alignment);
    void (*release)(void* user, uint64_t address, uint64_t bytes); /* null: takes it back; goes with allocate */
    void* allocator_user;                                          /* null: passed to both */
    void (*log)(void* user, int32_t level, const char* text);      /* null: gets lines of the log, without line ends */
    void* log_user;                                                /* null: passed to it */
    int32_t log_level;         /* LUR_LOG_WARNING: the most detailed level that is wanted */
    uint32_t flags;            /* 0 */
    const char* cache_folder;  /* null: where compiled kernels are kept; null for LUR_CACHE, else the user's cache */
    const char* kernel_folder; /* null: holds kernels/ and kernel-images/; null for the folder of the library */
} lur_session_options;

/* Fills in defaults. size: sizeof(lur_session_options) of the caller. */
int32_t lur_session_options_init(lur_session_options* options, size_t size);

/* Opens a session. options may be null; *session is null after a failure. Waits. The context and the stream of the
 * caller must live until lur_close. */
int32_t lur_open(const lur_session_options* options, lur_session** session);

/* Waits for its work and frees everything that was made in it, whose handles are then invalid. */
int32_t lur_close(lur_session* session);

/* Asks a lengthy call of the session (lur_precompile, lur_job_run, lur_job_resume, lur_sample) to stop with
 * LUR_ERROR_CANCELLED; nothing without one. Any thread, also in a signal handler. Sets no error text. */
int32_t lur_cancel(lur_session* session);

/* Waits for everything given to the session's stream so far. */
int32_t lur_wait(lur_session* session);

typedef struct lur_device_info {
    uint32_t size;           /* bytes of this struct, set by the caller */
    int32_t device_kind;     /* LUR_DEVICE_CUDA or LUR_DEVICE_HOST */
    int32_t ordinal;         /* number in the driver's list */
    int32_t multiprocessors; /* on the CPU the worker threads */
    int32_t warp_size;       /* 1 on the CPU */
    int32_t compute_major;   /* compute capability */
    int32_t compute_minor;
    int32_t reserved; /* 0 */
    uint64_t memory;  /* bytes of the device */
    uint64_t held;    /* bytes of device memory that the session holds */
    void* stream;     /* the session's CUstream: the caller's, or its own */
    void* context;    /* its CUcontext */
    char name[128];   /* the driver's name for the device, UTF-8 */
} lur_device_info;

/* Tells what the session works on. */
int32_t lur_device_info_get(lur_session* session, lur_device_info* info);

enum { /* dtype; steps and kernels have the first two */
       LUR_F32 = 1,
       LUR_F64 = 2,
       LUR_F16 = 3,
       LUR_BF16 = 4,
       LUR_U8 = 5
};

/* Makes the kernels of a dtype ready ahead of time; compiles what is in no folder of images, which takes minutes. */
int32_t lur_precompile(lur_session* session, int32_t dtype);

/* ---- steps: LUR inside a training loop of your own
 * --------------------------------------------------------------------
 *
 * The caller has a model and its gradients; Lur does the arithmetic between them ("Learning to Unlearn while
 * Retaining", ICCV 2025). With L_r the loss on what is retained and L_u the loss on what is forgotten, one step is
 *
 *   1  caller   g = gradient of L_r at theta
 *   2  lur_step_look_ahead_enqueue      ahead = theta - alpha g
 *   3  caller   v = gradient of L_u at ahead
 *   4  h = H_r(theta) v, the Hessian of L_r times v:
 *        LUR_SECOND_ORDER_GIVEN   the caller fills h
 *        LUR_SECOND_ORDER_FD      lur_step_perturb_enqueue(+1), caller: g+ there; (-1), caller: g- there;
 *                                 lur_step_difference_enqueue gives h
 *        LUR_SECOND_ORDER_NONE    h is left out
 *   5  lur_step_update_enqueue          G = w_r g + w_u (v - alpha h), momentum and weights, in one pass
 *
 * Everything happens in the session's stream: the caller's gradients are computed there too, or ordered by events. */

typedef struct lur_step lur_step; /* numbers of a step, and a little device memory for its sums */

typedef struct lur_segment {
    uint64_t data; /* device address, a multiple of the element's size */
    int64_t count; /* elements, at least 1 */
} lur_segment;

/* A vector: one buffer, or a list of buffers that follow one another. All vectors of a step have the same counts. */
typedef struct lur_vector {
    uint32_t size;               /* bytes of this struct */
    uint32_t segment_count;      /* 0 for one buffer (data, count), else the length of segments */
    uint64_t data;               /* device address of the one buffer */
    int64_t count;               /* its elements */
    const lur_segment* segments; /* the buffers; read before the call returns */
} lur_vector;

enum { /* second_order */
       LUR_SECOND_ORDER_NONE = 0,
       LUR_SECOND_ORDER_FD = 1,
       LUR_SECOND_ORDER_GIVEN = 2
};

typedef struct lur_step_options {
    uint32_t size;         /* bytes of this struct */
    int32_t dtype;         /* LUR_F32 */
    int32_t second_order;  /* LUR_SECOND_ORDER_NONE */
    int32_t nesterov;      /* 0; 1 for Nesterov's momentum */
    double alpha;          /* 0.01: length of the simulated retain step, at least 0 */
    double forget_weight;  /* 1: w_u (lambda), at least 0 */
    double retain_weight;  /* 1: w_r, at least 0 */
    double learning_rate;  /* 0.01: at least 0; lur_step_rate_enqueue changes it */
    double momentum;       /* 0.9: in [0, 1) */
    double weight_decay;   /* 0: added to the gradient as weight_decay * theta, at least 0 */
    double look_ahead_cap; /* 0: largest |alpha g| / |theta|; 0 for none */
    double fd_radius;      /* 0.01: r of the finite difference, eps = r / |v|, above 0 */
} lur_step_options;

/* Fills in defaults. size: sizeof(lur_step_options) of the caller. */
int32_t lur_step_options_init(lur_step_options* options, size_t size);

/* Device memory that lur_step_create will take, in bytes. Of shape only the counts are read. */
int32_t lur_plan_step(lur_session* session, const lur_step_options* options, const lur_vector* shape, uint64_t* bytes);

/* Makes a step for vectors of one shape, of which only the counts are read. Loads (or compiles) its kernels. options
 * may be null. */
int32_t lur_step_create(lur_session* session, const lur_step_options* options, const lur_vector* shape,
                        lur_step** step);

/* Waits for the session's work and frees the step. */
int32_t lur_step_destroy(lur_step* step);

/* First of a step: ahead = theta - a g, a = alpha or less where the cap says so. ahead is a buffer of its own: to
 * restore theta by adding back is not exact. |g| and |theta| come with it. */
int32_t lur_step_look_ahead_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* g,
                                    const lur_vector* ahead);

/* Of a finite difference: moved = theta + sign eps v, with sign 1 and then -1. moved may be the look-ahead weights. */
int32_t lur_step_perturb_enqueue(lur_step* step, int32_t sign, const lur_vector* theta, const lur_vector* v,
                                 const lur_vector* moved);

/* Of a finite difference: h = (plus - minus) / (2 eps). h may be plus or minus. */
int32_t lur_step_difference_enqueue(lur_step* step, const lur_vector* plus, const lur_vector* minus,
                                    const lur_vector* h);

/* Last of a step: d = G + weight_decay theta; momentum = mu momentum + d; theta = theta - rate momentum (or Nesterov's
 * form). v may be null (G = w_r g), h may be null (first order). With h null or alpha 0 the result is that of the first
 * order bit for bit. mask: bytes, 0 where weight and momentum stay as they are; null for none. momentum: zeros before
 * the first step. Where |g|, |theta|, |v| or |h| is not finite nothing changes and the step counts as skipped. */
int32_t lur_step_update_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* momentum,
                                const lur_vector* g, const lur_vector* v, const lur_vector* h, const lur_vector* mask);

/* In place of the update, for an optimiser of the caller: total = G. total may be g. Whether the step counts:
 * lur_step_skip_flag. */
int32_t lur_step_gradient_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* g, const lur_vector* v,
                                  const lur_vector* h, const lur_vector* total);

/* Another learning rate, for the updates given from now on and for those of a graph that is launched from now on. */
int32_t lur_step_rate_enqueue(lur_step* step, double learning_rate);

/* Device address of an int32_t that is not 0 when the last update was skipped, for kernels of the caller. */
int32_t lur_step_skip_flag(lur_step* step, uint64_t* address);

enum {                                   /* what lur_step_telemetry_enqueue writes, by position */
       LUR_TELEMETRY_RETAIN_NORM = 0,    /* |g| */
       LUR_TELEMETRY_FORGET_NORM = 1,    /* |v| */
       LUR_TELEMETRY_COSINE = 2,         /* cos(g, v); 0 without v */
       LUR_TELEMETRY_SECOND_ORDER = 3,   /* alpha |h| / |v|; 0 without v */
       LUR_TELEMETRY_PARAMETER_NORM = 4, /* |theta| before the update */
       LUR_TELEMETRY_LOOK_AHEAD = 5,     /* |alpha g| */
       LUR_TELEMETRY_SKIPPED = 6,        /* not 0 when the update was not made */
       LUR_TELEMETRY_SKIPPED_STEPS = 7,  /* how many were not made so far */
       LUR_TELEMETRY_COUNT = 8
};

/* Copies LUR_TELEMETRY_COUNT numbers of the last update to page-locked memory (cuMemHostAlloc, cuMemHostRegister), to
 * be read after the stream was waited for. Memory that is not page-locked makes the call wait. */
int32_t lur_step_telemetry_enqueue(lur_step* step, double* pinned);

typedef struct lur_telemetry {
    uint32_t size;         /* bytes of this struct, set by the caller */
    int32_t skipped;       /* 1 when the update was not made */
    int64_t skipped_steps; /* how many were not made so far */
    double retain_norm;    /* |g| */
    double forget_norm;    /* |v| */
    double cosine;         /* cos(g, v); 0 without v */
    double second_order;   /* alpha |h| / |v|; 0 without v */
    double theta_norm;     /* |theta| before the update */
    double look_ahead;     /* |alpha g| */
} lur_telemetry;

/* What the last update reports. Waits for it. */
int32_t lur_step_telemetry_read(lur_step* step, lur_telemetry* telemetry);

/* ---- models: weights between a file, Lur, and memory of the caller
 * -------------------------------------------------------------------------
 *
 * A model is a network with its weights on the session's device. Jobs take one in the place of a file. Its weights come
 * from a file, are drawn, or are those of the caller: LUR_BIND_TABLE copies tensors in by name and, when it is asked
 * to, back; LUR_BIND_FLAT makes memory of the caller the model's own, and nothing is copied. */

typedef struct lur_model lur_model; /* a network with its weights, in 32 bit floats */

/* Reads a model from a safetensors file that says itself what it is, as Lur writes them. */
int32_t lur_model_open(lur_session* session, const char* path, lur_model** model);

typedef struct lur_model_options {
    uint32_t size;              /* bytes of this struct */
    int32_t channels;           /* 3: of the images that it takes */
    int32_t rows;               /* 32 */
    int32_t columns;            /* 32 */
    const char* architecture;   /* as "lur train --model" takes it, for example "resnet18:w64"; must be set */
    const char* const* classes; /* null: names of the classes; null names them by their numbers */
    uint32_t class_count;       /* 10 */
    uint32_t reserved;          /* 0 */
    const double* mean;         /* null: what is taken off pixels in [0, 1], one a channel; null for 0.5 */
    const double* deviation;    /* null: what they are then divided by; null for 0.5 */
    const char* augmentation;   /* "auto": changes of training images, as "lur train --augment" takes them */
    uint64_t seed;              /* 1: of the weights */
} lur_model_options;

/* Fills in defaults. size: sizeof(lur_model_options) of the caller. */
int32_t lur_model_options_init(lur_model_options* options, size_t size);

/* Makes a model with drawn weights, which lur_model_bind may replace. */
int32_t lur_model_create(lur_session* session, const lur_model_options* options, lur_model** model);

/* Frees a model; memory of the caller stays as it is. A job that was given it can no longer run. */
int32_t lur_model_destroy(lur_model* model);

typedef struct lur_model_info {
    uint32_t size;           /* bytes of this struct, set by the caller */
    int32_t draws;           /* 1 for a model that draws images, 0 for a classifier */
    int32_t channels;        /* of the images that it takes */
    int32_t rows;            /* of them */
    int32_t columns;         /* of them */
    int32_t class_count;     /* how many it knows */
    int64_t tensor_count;    /* weights and running statistics, by name */
    int64_t parameter_count; /* elements of all weights: the length of the flat vector "parameters" */
    int64_t statistic_count; /* elements of all running statistics: that of "statistics" */
    char architecture[256];  /* as lur_model_options has it, every choice spelled out */
} lur_model_info;

/* Tells what a model is. */
int32_t lur_model_describe(lur_model* model, lur_model_info* info);

typedef struct lur_tensor_info {
    uint32_t size;           /* bytes of this struct, set by the caller */
    int32_t rank;            /* how many extents it has */
    int64_t count;           /* elements */
    int64_t offset;          /* first element in its flat vector; the same for an architecture and a version of Lur */
    int32_t statistic;       /* 0: in the vector "parameters"; 1: in "statistics" */
    int32_t reserved;        /* 0 */
    int64_t shape[8];        /* extents as declared: in files and in tables. Filters are output, input, row, column */
    int64_t device_shape[8]; /* extents in the flat vector. Filters are output, row, column, input */
    char name[192];          /* UTF-8 */
} lur_tensor_info;

/* Tells what the tensor at a position (0 to tensor_count - 1) is, in the order of files. */
int32_t lur_model_tensor(lur_model* model, int64_t position, lur_tensor_info* info);

enum { /* place */
       LUR_PLACE_HOST = 0,
       LUR_PLACE_DEVICE = 1
};

enum {                          /* layout */
       LUR_LAYOUT_DECLARED = 0, /* filters output, input, row, column; images channel, row, column */
       LUR_LAYOUT_CHANNELS_LAST =
           1 /* filters output, row, column, input; images row, column, channel; else as declared */
};

typedef struct lur_tensor {
    uint32_t size;     /* bytes of this struct; the same for all of an array */
    int32_t rank;      /* 1 to 8; 0 for a single number */
    const char* name;  /* UTF-8 */
    uint64_t data;     /* address of the first element */
    int32_t place;     /* LUR_PLACE_* */
    int32_t dtype;     /* LUR_F32, LUR_F64, LUR_F16 or LUR_BF16 */
    int32_t layout;    /* LUR_LAYOUT_*: the order that shape and stride are in */
    int32_t reserved;  /* 0 */
    int64_t shape[8];  /* extents */
    int64_t stride[8]; /* elements from one to the next, at least 1; all 0 for row-major without gaps */
} lur_tensor;

enum { /* mode of lur_model_bind */
       LUR_BIND_FLAT = 1,
       LUR_BIND_TABLE = 2
};

/* Makes weights of the caller a model's. All tensors must be there, once each, and no others; what is wrong is one
 * sentence that lists it. Waits.
 * LUR_BIND_TABLE: weights and statistics by name, from the host or the device, are copied in; a value that no model can
 * have (NaN, infinity, a negative variance) is LUR_ERROR_NOT_FINITE, and the model is as it was.
 * LUR_BIND_FLAT: "parameters" and, where the model has any, "statistics": two vectors (rank 1, LUR_F32, on the device,
 * no stride) laid out as lur_model_tensor says, which are the model's from now on with what they hold. They must live
 * until the model is destroyed; a job works in them, and the caller may read and write them between calls. */
int32_t lur_model_bind(lur_model* model, const lur_tensor* tensors, uint32_t count, int32_t mode);

/* Copies the model's weights to the tensors of the last LUR_BIND_TABLE, whose memory must still be there. Waits. F16
 * and BF16 are rounded to nearest even. LUR_ERROR_STATE without such a table. */
int32_t lur_model_write_back(lur_model* model);

/* Replaces the model's weights by those of a file with the same network; weights that are bound flat are written. */
int32_t lur_model_load(lur_model* model, const char* path);

/* Writes the model as a safetensors file that says itself what it is, whole or not at all. */
int32_t lur_model_save(lur_model* model, const char* path);

/* ---- jobs: a model forgets
 * --------------------------------------------------------------------------------------------
 *
 * A job is what the command "lur forget" does: it takes a model and a data set, makes the model forget a class or a set
 * of samples by one of the methods, and leaves model.safetensors, result.json and more in a folder. With the same
 * options the model has the same bytes. Classifiers and diffusion models (UNets) are both served. A job works in the
 * context, the stream and the memory of its session. */

typedef struct lur_job lur_job; /* the options of a job, checked; and the result of its last run */

enum { /* part of a data set */
       LUR_PART_TRAIN = 0,
       LUR_PART_TEST = 1
};

typedef struct lur_batch_request {
    uint32_t size;          /* bytes of this struct as the library knows it */
    int32_t part;           /* LUR_PART_*: which part of the data set */
    int64_t count;          /* samples that are asked for */
    const int64_t* indices; /* their numbers in the part; lives until the callback returns */
} lur_batch_request;

typedef struct lur_batch {
    uint32_t size;         /* bytes of this struct as the library knows it */
    int32_t place;         /* LUR_PLACE_HOST */
    int32_t dtype;         /* LUR_U8: 0 to 255; or LUR_F32: 0 to 1, which is rounded to 255 steps */
    int32_t layout;        /* LUR_LAYOUT_DECLARED */
    uint64_t images;       /* address of the first pixel of the first image; the images follow one another */
    const int32_t* labels; /* one an image, on the host */
} lur_batch;

/* A data set by a function of the caller. */
typedef struct lur_provider {
    uint32_t size;              /* bytes of this struct */
    int32_t channels;           /* 1 (grey) or 3 (red, green, blue) */
    int32_t rows;               /* of an image */
    int32_t columns;            /* of an image */
    int64_t train_count;        /* samples to train on */
    int64_t test_count;         /* samples to measure on; 0 holds a fifth of each class out of the others */
    const char* const* classes; /* names of the classes; a label is a position in this list */
    uint32_t class_count;       /* length of that list */
    uint32_t reserved;          /* 0 */
    const char* name;           /* of the data set, in messages and results */
    /* Fills in what the batch should point to, which must stay until the next call; not 0 ends the call with
     * LUR_ERROR_CANCELLED. At most 256 samples are asked for at a time, each once and in order, at the beginning of
     * lur_job_plan, lur_job_run or lur_job_resume, and kept in host memory. */
    int32_t (*next)(void* user, const lur_batch_request* request, lur_batch* batch);
    void* user; /* passed to it */
} lur_provider;

enum {                          /* flags of a job, added up */
       LUR_JOB_OVERWRITE = 1,   /* replace what an earlier run left in output, once this one has its results */
       LUR_JOB_ALSO_COPIES = 2, /* forget retained pictures, too, that equal one to forget pixel by pixel */
       LUR_JOB_KEEP_PARTIAL = 4 /* weights that are bound flat stay as they are when the job is cancelled */
};

typedef struct lur_job_options {
    uint32_t size;                /* bytes of this struct */
    uint32_t flags;               /* 0 */
    const char* model;            /* file of the trained model; this or weights */
    const char* data;             /* data set it was trained on: a path, or a generated set; this or provider */
    const char* output;           /* folder for everything that the job leaves, made where missing; must be set */
    const char* const* forget;    /* what to forget: "class:3", "random:10%", ...; at least one */
    const char* const* options;   /* null: options of the method, each "key=value"; lur_methods_json lists them */
    const char* const* forgotten; /* null: lists of what the model forgot before; null for forget.txt beside it */
    uint32_t forget_count;        /* texts in forget */
    uint32_t option_count;        /* 0: texts in options */
    uint32_t forgotten_count;     /* 0: texts in forgotten */
    int32_t image_size; /* 0: rows and columns that images are scaled to; 0 for the size that the model takes, and with
                           a provider */
    const char* method; /* "lur": name of the method, in any case */
    const char* split;  /* null: split.json the model was trained with; null for the one beside the model */
    uint64_t seed;      /* 1: of every draw */
    int64_t checkpoint_every;     /* 0: steps between checkpoints; 0 writes one only when the job is cancelled */
    lur_model* weights;           /* null: model of the session, which must outlive the job */
    const lur_provider* provider; /* null: data set by a function of the caller; copied before the call returns */
    uint64_t max_memory; /* 0: bytes of device memory that lur_job_plan may come to; a job that comes to more is not run
                            (LUR_ERROR_MEMORY). 0 for any number. Since API version 2 */
} lur_job_options;

/* Fills in defaults. size: sizeof(lur_job_options) of the caller. */
int32_t lur_job_options_init(lur_job_options* options, size_t size);

/* Makes a job and checks its options, of the files only the head of the model. An unknown method, or one that is not
 * for such a model, is LUR_ERROR_UNSUPPORTED; an option that it does not have or take is LUR_ERROR_ARGUMENT. */
int32_t lur_job_create(lur_session* session, const lur_job_options* options, lur_job** job);

/* Frees a job. What it left in files stays. */
int32_t lur_job_destroy(lur_job* job);

/* Opens model and data and says what the job would take: device memory of a step with its vectors in bytes, and the
 * number of steps. Leaves nothing. LUR_ERROR_ARGUMENT for a method that makes no steps. */
int32_t lur_job_plan(lur_job* job, uint64_t* bytes, int64_t* steps);

typedef struct lur_progress {
    uint32_t size;      /* bytes of this struct as the library knows it */
    int32_t reserved;   /* 0 */
    int64_t done;       /* units of the stage that are done */
    int64_t total;      /* units of the stage in all */
    const char* stage;  /* what is done now, for example "repair"; lives until the callback returns */
    const char* unit;   /* of done and total, in the plural: "steps", "images"; lives as long */
    double retain_loss; /* loss on what is kept; NaN outside the steps */
    double forget_loss; /* loss on what is forgotten; NaN outside the steps, and for methods that have none */
    double cosine;      /* of the angle between the gradients of the two; NaN as well */
} lur_progress;

/* Runs a job to its end. Blocks, and works on the calling thread; progress is called there, at the beginning and the
 * end of each stage or epoch and at most ten times a second between; null for nobody. When it returns something else
 * than 0, or lur_cancel is called from anywhere, the job stops between two steps with LUR_ERROR_CANCELLED. The file of
 * the model is never changed. A job that is cancelled among its steps leaves a checkpoint in output, and no model. A
 * job may be run again. LUR_ERROR_FILE and LUR_ERROR_FORMAT: the data or the model; LUR_ERROR_NOT_FINITE: it diverged.
 * With weights, original/model.safetensors in output becomes what they were, and a job that ends well leaves its
 * result in the model (lur_model_write_back copies it on to a table). After a failure or a cancellation they are what
 * they were, flat memory included, unless LUR_JOB_KEEP_PARTIAL says otherwise. */
int32_t lur_job_run(lur_job* job, int32_t (*progress)(void* user, const lur_progress* progress), void* user);

/* As lur_job_run, from the checkpoint in output on, which a job with the same options left, in this process or another.
 * The model has the bytes of a job that was never stopped. Weights must be those that it began with
 * (LUR_ERROR_ARGUMENT), but for those that LUR_JOB_KEEP_PARTIAL has left. */
int32_t lur_job_resume(lur_job* job, int32_t (*progress)(void* user, const lur_progress* progress), void* user);

/* Asks a job that is running to leave a checkpoint behind its next step, and returns at once: from a callback of the
 * job, or from any thread. path: a file that it is then copied to, whole or not at all; null for none. It lies in
 * output (unlearning-state.safetensors), where lur_job_resume finds it and a job that ends well removes it; one that
 * was copied away serves again once it lies there. Of two requests before a step the later counts. LUR_ERROR_STATE: the
 * job is not running. A job that makes no more steps leaves none; one that cannot write it ends with LUR_ERROR_FILE. */
int32_t lur_job_checkpoint(lur_job* job, const char* path);

/* The result of a job's last run, which is result.json of its folder: accuracies or losses before and after, costs,
 * hashes. Copies like lur_error_text; *length becomes the whole length without the zero byte. LUR_ERROR_STATE before a
 * run has ended well. */
int32_t lur_job_result_json(lur_job* job, char* buffer, size_t capacity, size_t* length);

/* All methods with their options, defaults and sources, as JSON; needs no session. Copies as lur_job_result_json. An
 * array with an object for each method, whose fields are all there, texts but for the lists: "name" (for method),
 * "title", "models" ("classifiers" or "UNets": the same name may serve both), "summary", "source" (the paper),
 * "departures" (from it; may be ""), and "options", a list of objects: "name" (before the = sign), "kind" ("number",
 * "integer", "flag": true or false, "choice": one of "choices", "text"), "default" (as after the = sign), "range" (what
 * a number must be, as "above 0"; or ""), "description", "source" (of the default), "choices" (a list of texts, empty
 * but for a choice). Fields may be added. */
int32_t lur_methods_json(char* buffer, size_t capacity, size_t* length);

/* ---- images: a diffusion model draws
 * ---------------------------------------------------------------------------------- */

enum {                          /* flags of lur_sample, added up */
       LUR_SAMPLE_OVERWRITE = 1 /* replace images of an earlier run in output */
};

typedef struct lur_sample_options {
    uint32_t size;              /* bytes of this struct */
    uint32_t flags;             /* 0 */
    const char* model;          /* file of the model; this or weights */
    lur_model* weights;         /* null: model of the session */
    const char* output;         /* folder for CLASS/00000.png and so on, made where missing; must be set */
    const char* const* classes; /* null: which classes, by name or number; null for all */
    uint32_t class_count;       /* 0: texts in classes */
    int32_t count;              /* 64: images of each class */
    const char* sampler;        /* "ddim": or "ddpm", "dpm++" */
    int32_t steps;              /* 50: of the sampler */
    int32_t reserved;           /* 0 */
    double eta;                 /* 0: noise that ddim adds, as a share of ddpm's */
    double guidance; /* NaN: weight of the class; NaN for 2 where the model knows a row for no class, else 1 */
    uint64_t seed;   /* 1: of every draw */
} lur_sample_options;

/* Fills in defaults. size: sizeof(lur_sample_options) of the caller. */
int32_t lur_sample_options_init(lur_sample_options* options, size_t size);

/* Draws images into a folder, as the command "lur sample" does, with the same pixels. Blocks; progress as for
 * lur_job_run. When it is cancelled nothing is left. */
int32_t lur_sample(lur_session* session, const lur_sample_options* options,
                   int32_t (*progress)(void* user, const lur_progress* progress), void* user);

#ifdef __cplusplus
}
#endif

#endif /* LUR_H */
