// lur.hpp - lur.h for C++17: handles that close themselves, exceptions, views of arrays, functions instead of pointers.
//
// Header only. Every failure is a lur::error with the code and the sentence of lur.h. What a function of the caller
// throws does not pass through the library: it is kept, the call fails, and it is thrown again from the call.
#ifndef LUR_HPP
#define LUR_HPP

#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#include "lur.h"

namespace lur {

// A call that failed: one of LUR_ERROR_*, the sentence, and CUDA's code where one came with it.
class error : public std::runtime_error {
  public:
    error(int32_t code, const std::string& text, int32_t native)
        : std::runtime_error(text), code_(code), native_(native) {}
    int32_t code() const noexcept { return code_; }
    int32_t native() const noexcept { return native_; }

  private:
    int32_t code_, native_;
};

// Throws what the last failure of this thread was.
inline void check(int32_t code) {
    if (code == LUR_OK) return;
    std::string text(lur_error_text(nullptr, 0), '\0');
    lur_error_text(&text[0], text.size() + 1);
    throw error(code, text, lur_error_native());
}

// An array in device memory, or on the CPU an array of the program: an address and a count.
template <class T> class view {
  public:
    view(T* data, size_t count) noexcept : address_(reinterpret_cast<uintptr_t>(data)), count_(count) {}
    view(uint64_t address, size_t count) noexcept : address_(address), count_(count) {}
    template <class C, class = decltype(std::declval<C&>().data())>
    view(C& container) noexcept : view(container.data(), container.size()) {}
    uint64_t address() const noexcept { return address_; }
    size_t size() const noexcept { return count_; }

  private:
    uint64_t address_;
    size_t count_;
};

// A vector of a step: one array or several that follow one another; empty for one that is left out. Its elements are of
// the type of the step, and what a step writes is not const: another type, or a const one, is an error of
// LUR_ERROR_ARGUMENT.
class vector {
  public:
    static constexpr int32_t bytes = -1; // what a mask has
    vector() noexcept = default;
    vector(std::nullptr_t) noexcept {}
    template <class T> vector(view<T> one) { add(one); }
    template <class C, class T = std::remove_pointer_t<decltype(std::declval<C&>().data())>,
              class = std::enable_if_t<std::is_arithmetic<T>::value>>
    vector(C& container) : vector(view<T>(container)) {}
    template <class T> vector(std::initializer_list<view<T>> several) {
        for (const view<T>& v : several) add(v);
    }
    template <class T> vector& add(view<T> segment) {
        using element = std::remove_cv_t<T>;
        constexpr bool is_float = std::is_same<element, float>::value, is_double = std::is_same<element, double>::value;
        static_assert(is_float || is_double || sizeof(element) == 1,
                      "a vector of a step has elements of float or double, a mask has bytes");
        const int32_t type = is_float ? LUR_F32 : is_double ? LUR_F64 : bytes;
        mixed_ = mixed_ || (type_ && type_ != type), type_ = type;
        constant_ = constant_ || std::is_const<T>::value;
        segments_.push_back({segment.address(), static_cast<int64_t>(segment.size())});
        return *this;
    }

    // The struct of lur.h, null for a vector that is left out; it lives in `storage`, which the call keeps. name, type:
    // of the argument and of the step.
    const lur_vector* get(lur_vector& storage, const char* name, int32_t type, bool written = false) const {
        if (segments_.empty()) return nullptr;
        const char* const wanted = type == LUR_F32 ? "float" : type == LUR_F64 ? "double" : "bytes";
        if (mixed_ || type_ != type)
            throw error(LUR_ERROR_ARGUMENT,
                        std::string(name) + " has elements of another type than are needed, " + wanted, 0);
        if (written && constant_)
            throw error(LUR_ERROR_ARGUMENT, std::string(name) + " is written and was given as const", 0);
        storage = {sizeof storage, static_cast<uint32_t>(segments_.size()), 0, 0, segments_.data()};
        return &storage;
    }

  private:
    std::vector<lur_segment> segments_;
    int32_t type_ = 0;
    bool mixed_ = false, constant_ = false;
};

// Options of a session. Functions may throw.
struct session_options {
    int32_t device_kind = LUR_DEVICE_AUTO, ordinal = 0, threads = 0;
    void *context = nullptr, *stream = nullptr;
    std::function<uint64_t(uint64_t bytes, uint64_t alignment)> allocate;
    std::function<void(uint64_t address, uint64_t bytes)> release;
    std::function<void(int32_t level, const char* text)> log;
    int32_t log_level = LUR_LOG_WARNING;
    uint32_t flags = 0;
    std::string cache_folder, kernel_folder;
};

class step;
class model;
class job;

// A device with a stream, and everything made in it. Moves, and closes itself.
class session {
  public:
    explicit session(session_options options = {}) : state_(std::make_unique<state>(std::move(options))) {
        lur_session_options o;
        check(lur_session_options_init(&o, sizeof o));
        const session_options& ours = state_->options;
        o.device_kind = ours.device_kind, o.ordinal = ours.ordinal, o.threads = ours.threads;
        o.context = ours.context, o.stream = ours.stream;
        o.log_level = ours.log_level, o.flags = ours.flags;
        if (!ours.cache_folder.empty()) o.cache_folder = ours.cache_folder.c_str();
        if (!ours.kernel_folder.empty()) o.kernel_folder = ours.kernel_folder.c_str();
        if (ours.allocate) o.allocate = &state::allocate;
        if (ours.release) o.release = &state::release;
        if (ours.log) o.log = &state::log;
        o.allocator_user = o.log_user = state_.get();
        state_->done(lur_open(&o, &state_->handle));
    }
    session(session&&) noexcept = default;
    session& operator=(session&&) noexcept = default;

    lur_session* get() const noexcept { return state_->handle; }
    void wait() { state_->done(lur_wait(get())); }
    void precompile(int32_t dtype) { state_->done(lur_precompile(get(), dtype)); }
    // From any thread; precompile, a job that runs, or images that are drawn, then throws an error with
    // LUR_ERROR_CANCELLED.
    void cancel() noexcept { lur_cancel(get()); }
    lur_device_info info() const {
        lur_device_info i{};
        i.size = sizeof i;
        state_->done(lur_device_info_get(get(), &i));
        return i;
    }

  private:
    friend class step;
    friend class model;
    friend class job;
    friend class calls;
    struct state {
        explicit state(session_options&& o) : options(std::move(o)) {}
        ~state() {
            if (handle) lur_close(handle);
        }
        state(const state&) = delete;

        // The end of a call: what a function threw comes before what the library says of it.
        void done(int32_t code) {
            if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
            check(code);
        }
        template <class F> void firewall(F call) noexcept {
            try {
                call();
            } catch (...) {
                if (!thrown) thrown = std::current_exception();
            }
        }
        static uint64_t allocate(void* user, uint64_t bytes, uint64_t alignment) {
            uint64_t address = 0;
            auto* self = static_cast<state*>(user);
            self->firewall([&] { address = self->options.allocate(bytes, alignment); });
            return address;
        }
        static void release(void* user, uint64_t address, uint64_t bytes) {
            auto* self = static_cast<state*>(user);
            self->firewall([&] { self->options.release(address, bytes); });
        }
        static void log(void* user, int32_t level, const char* text) {
            auto* self = static_cast<state*>(user);
            self->firewall([&] { self->options.log(level, text); });
        }

        session_options options;
        lur_session* handle = nullptr;
        std::exception_ptr thrown;
    };
    std::unique_ptr<state> state_;
};

// Defaults of lur_step_options, to be changed.
inline lur_step_options step_options() {
    lur_step_options o;
    check(lur_step_options_init(&o, sizeof o));
    return o;
}

// The arithmetic of a step. Moves, and destroys itself; its session must outlive it.
class step {
  public:
    // shape: a vector of the step, of which only the counts are read.
    step(session& s, const lur_step_options& options, const vector& shape)
        : state_(s.state_.get()), dtype_(options.dtype) {
        lur_vector v;
        lur_step* made = nullptr;
        state_->done(lur_step_create(s.get(), &options, shape.get(v, "shape", dtype_), &made));
        handle_.reset(made);
    }
    step(step&&) noexcept = default;
    step& operator=(step&&) noexcept = default;

    lur_step* get() const noexcept { return handle_.get(); }
    void look_ahead(const vector& theta, const vector& g, const vector& ahead) {
        lur_vector a, b, c;
        state_->done(lur_step_look_ahead_enqueue(get(), theta.get(a, "theta", dtype_), g.get(b, "g", dtype_),
                                                 ahead.get(c, "ahead", dtype_, true)));
    }
    void perturb(int32_t sign, const vector& theta, const vector& v, const vector& moved) {
        lur_vector a, b, c;
        state_->done(lur_step_perturb_enqueue(get(), sign, theta.get(a, "theta", dtype_), v.get(b, "v", dtype_),
                                              moved.get(c, "moved", dtype_, true)));
    }
    void difference(const vector& plus, const vector& minus, const vector& h) {
        lur_vector a, b, c;
        state_->done(lur_step_difference_enqueue(get(), plus.get(a, "plus", dtype_), minus.get(b, "minus", dtype_),
                                                 h.get(c, "h", dtype_, true)));
    }
    void update(const vector& theta, const vector& momentum, const vector& g, const vector& v = {},
                const vector& h = {}, const vector& mask = {}) {
        lur_vector a, b, c, d, e, f;
        state_->done(lur_step_update_enqueue(
            get(), theta.get(a, "theta", dtype_, true), momentum.get(b, "momentum", dtype_, true),
            g.get(c, "g", dtype_), v.get(d, "v", dtype_), h.get(e, "h", dtype_), mask.get(f, "mask", vector::bytes)));
    }
    void gradient(const vector& theta, const vector& g, const vector& v, const vector& h, const vector& total) {
        lur_vector a, b, c, d, e;
        state_->done(lur_step_gradient_enqueue(get(), theta.get(a, "theta", dtype_), g.get(b, "g", dtype_),
                                               v.get(c, "v", dtype_), h.get(d, "h", dtype_),
                                               total.get(e, "total", dtype_, true)));
    }
    void learning_rate(double rate) { state_->done(lur_step_rate_enqueue(get(), rate)); }
    uint64_t skip_flag() const {
        uint64_t address = 0;
        state_->done(lur_step_skip_flag(get(), &address));
        return address;
    }
    void telemetry(double* pinned) { state_->done(lur_step_telemetry_enqueue(get(), pinned)); }
    // Waits.
    lur_telemetry telemetry() {
        lur_telemetry t{};
        t.size = sizeof t;
        state_->done(lur_step_telemetry_read(get(), &t));
        return t;
    }

  private:
    struct destroy {
        void operator()(lur_step* s) const noexcept { lur_step_destroy(s); }
    };
    session::state* state_;
    int32_t dtype_;
    std::unique_ptr<lur_step, destroy> handle_;
};

// Called on the thread of the call; false cancels. It may throw: the call is cancelled, and throws the same.
using progress = std::function<bool(const lur_progress&)>;

// What several classes below need.
class calls {
    friend class model;
    friend class job;
    friend void sample(session&, const struct sample_options&, const progress&);

    static std::vector<const char*> pointers(const std::vector<std::string>& texts) {
        std::vector<const char*> all;
        for (const std::string& t : texts) all.push_back(t.c_str());
        return all;
    }
    static const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

    struct listener {
        session::state* state;
        const progress& hear;
        static int32_t call(void* user, const lur_progress* p) {
            auto* self = static_cast<listener*>(user);
            bool go_on = false;
            self->state->firewall([&] { go_on = self->hear(*p); });
            return go_on ? 0 : 1;
        }
    };
    template <class F> static void run(session::state* state, const progress& hear, F function) {
        listener l{state, hear};
        state->done(function(hear ? &listener::call : nullptr, &l));
    }
    static session::state* state_of(session& s) { return s.state_.get(); }
};

// Options of a model with drawn weights.
struct model_options {
    std::string architecture;
    std::vector<std::string> classes; // names; empty for the numbers 0 to 9
    int32_t channels = 3, rows = 32, columns = 32;
    std::vector<double> mean, deviation; // of pixels in [0, 1], one a channel; empty for 0.5
    std::string augmentation = "auto";
    uint64_t seed = 1;
};

// A network with its weights. Moves, and destroys itself; its session must outlive it, and it the jobs on it.
class model {
  public:
    model(session& s, const std::string& path) : state_(s.state_.get()) {
        lur_model* made = nullptr;
        state_->done(lur_model_open(s.get(), path.c_str(), &made));
        handle_.reset(made);
    }
    model(session& s, const model_options& options) : state_(s.state_.get()) {
        lur_model_options o;
        check(lur_model_options_init(&o, sizeof o));
        const auto classes = calls::pointers(options.classes);
        o.architecture = options.architecture.c_str(), o.augmentation = options.augmentation.c_str();
        if (!classes.empty()) o.classes = classes.data(), o.class_count = static_cast<uint32_t>(classes.size());
        o.channels = options.channels, o.rows = options.rows, o.columns = options.columns, o.seed = options.seed;
        const auto channels = static_cast<size_t>(options.channels);
        for (const auto* numbers : {&options.mean, &options.deviation})
            if (!numbers->empty() && numbers->size() != channels)
                throw error(LUR_ERROR_SIZE, "mean and deviation have one number a channel.", 0);
        if (!options.mean.empty()) o.mean = options.mean.data();
        if (!options.deviation.empty()) o.deviation = options.deviation.data();
        lur_model* made = nullptr;
        state_->done(lur_model_create(s.get(), &o, &made));
        handle_.reset(made);
    }
    model(model&&) noexcept = default;
    model& operator=(model&&) noexcept = default;

    lur_model* get() const noexcept { return handle_.get(); }
    lur_model_info info() const {
        lur_model_info i{};
        i.size = sizeof i;
        state_->done(lur_model_describe(get(), &i));
        return i;
    }
    lur_tensor_info tensor(int64_t position) const {
        lur_tensor_info i{};
        i.size = sizeof i;
        state_->done(lur_model_tensor(get(), position, &i));
        return i;
    }
    void bind_table(const std::vector<lur_tensor>& tensors) {
        state_->done(lur_model_bind(get(), tensors.data(), static_cast<uint32_t>(tensors.size()), LUR_BIND_TABLE));
    }
    // statistics: empty for a model without running statistics.
    void bind_flat(view<float> parameters, view<float> statistics) {
        std::vector<lur_tensor> both{flat("parameters", parameters)};
        if (statistics.size()) both.push_back(flat("statistics", statistics));
        state_->done(lur_model_bind(get(), both.data(), static_cast<uint32_t>(both.size()), LUR_BIND_FLAT));
    }
    void write_back() { state_->done(lur_model_write_back(get())); }
    void load(const std::string& path) { state_->done(lur_model_load(get(), path.c_str())); }
    void save(const std::string& path) { state_->done(lur_model_save(get(), path.c_str())); }

  private:
    static lur_tensor flat(const char* name, view<float> v) {
        lur_tensor t{};
        t.size = sizeof t, t.rank = 1, t.name = name, t.data = v.address();
        t.place = LUR_PLACE_DEVICE, t.dtype = LUR_F32, t.shape[0] = static_cast<int64_t>(v.size());
        return t;
    }
    struct destroy {
        void operator()(lur_model* m) const noexcept { lur_model_destroy(m); }
    };
    session::state* state_;
    std::unique_ptr<lur_model, destroy> handle_;
};

// A data set by a function, which fills in a batch and may throw.
struct provider {
    std::string name;
    std::vector<std::string> classes;
    int32_t channels = 3, rows = 0, columns = 0;
    int64_t train_count = 0, test_count = 0;
    std::function<void(const lur_batch_request&, lur_batch&)> next;
};

// Options of a job; those left empty have the defaults of lur_job_options.
struct job_options {
    std::string model, data, output, method = "lur", split;
    std::vector<std::string> forget, options, forgotten; // options: "key=value"
    uint64_t seed = 1;
    int64_t checkpoint_every = 0;
    int32_t image_size = 0;
    uint32_t flags = 0;
    lur::model* weights = nullptr; // in the place of model
    lur::provider provider = {};   // in the place of data, where it has a function
    uint64_t max_memory = 0;
};

// What a job would take.
struct job_plan {
    uint64_t bytes;
    int64_t steps;
};

// A model forgets. Moves, and destroys itself; its session must outlive it.
class job {
  public:
    job(session& s, const job_options& options)
        : state_(s.state_.get()), source_(new source{state_, options.provider.next}) {
        lur_job_options o;
        check(lur_job_options_init(&o, sizeof o));
        o.model = calls::or_null(options.model), o.data = calls::or_null(options.data);
        o.output = options.output.c_str(), o.method = options.method.c_str();
        o.split = calls::or_null(options.split);
        const auto forget = calls::pointers(options.forget), values = calls::pointers(options.options),
                   forgotten = calls::pointers(options.forgotten), classes = calls::pointers(options.provider.classes);
        o.forget = forget.data(), o.forget_count = static_cast<uint32_t>(forget.size());
        o.options = values.data(), o.option_count = static_cast<uint32_t>(values.size());
        o.forgotten = forgotten.data(), o.forgotten_count = static_cast<uint32_t>(forgotten.size());
        o.seed = options.seed, o.checkpoint_every = options.checkpoint_every;
        o.image_size = options.image_size, o.flags = options.flags, o.max_memory = options.max_memory;
        if (options.weights) o.weights = options.weights->get();
        const lur::provider& given = options.provider;
        const lur_provider p = {sizeof p,
                                given.channels,
                                given.rows,
                                given.columns,
                                given.train_count,
                                given.test_count,
                                classes.data(),
                                static_cast<uint32_t>(classes.size()),
                                0,
                                given.name.c_str(),
                                &source::call,
                                source_.get()};
        if (given.next) o.provider = &p;
        lur_job* made = nullptr;
        state_->done(lur_job_create(s.get(), &o, &made));
        handle_.reset(made);
    }
    job(job&&) noexcept = default;
    job& operator=(job&&) noexcept = default;

    using progress = lur::progress;

    lur_job* get() const noexcept { return handle_.get(); }
    job_plan plan() const {
        job_plan p{};
        state_->done(lur_job_plan(get(), &p.bytes, &p.steps));
        return p;
    }
    void run(const progress& hear = {}) {
        calls::run(state_, hear, [&](auto function, void* user) { return lur_job_run(get(), function, user); });
    }
    void resume(const progress& hear = {}) {
        calls::run(state_, hear, [&](auto function, void* user) { return lur_job_resume(get(), function, user); });
    }
    // From any thread, or from the progress function: a checkpoint behind the next step, copied to a file where one is
    // named.
    void checkpoint(const std::string& path = {}) { check(lur_job_checkpoint(get(), calls::or_null(path))); }
    std::string result() const {
        return text([&](char* buffer, size_t capacity, size_t* length) {
            state_->done(lur_job_result_json(get(), buffer, capacity, length));
        });
    }

    // The text that a function of lur.h copies out.
    template <class F> static std::string text(F copy) {
        size_t length = 0;
        copy(nullptr, 0, &length);
        std::string all(length, '\0');
        copy(&all[0], length + 1, &length);
        return all;
    }

  private:
    struct destroy {
        void operator()(lur_job* j) const noexcept { lur_job_destroy(j); }
    };
    struct source {
        session::state* state;
        std::function<void(const lur_batch_request&, lur_batch&)> next;
        static int32_t call(void* user, const lur_batch_request* request, lur_batch* batch) {
            auto* self = static_cast<source*>(user);
            bool given = false;
            self->state->firewall([&] { self->next(*request, *batch), given = true; });
            return given ? 0 : 1;
        }
    };
    session::state* state_;
    std::unique_ptr<source> source_; // outlives the handle, which is destroyed first
    std::unique_ptr<lur_job, destroy> handle_;
};

// Options of images; those left empty have the defaults of lur_sample_options.
struct sample_options {
    std::string model, output, sampler = "ddim";
    std::vector<std::string> classes;
    int32_t count = 64, steps = 50;
    double eta = 0, guidance = std::numeric_limits<double>::quiet_NaN();
    uint64_t seed = 1;
    uint32_t flags = 0;
    lur::model* weights = nullptr; // in the place of model
};

// A diffusion model draws images into a folder.
inline void sample(session& s, const sample_options& options, const progress& hear = {}) {
    lur_sample_options o;
    check(lur_sample_options_init(&o, sizeof o));
    const auto classes = calls::pointers(options.classes);
    o.model = calls::or_null(options.model), o.output = options.output.c_str(), o.sampler = options.sampler.c_str();
    o.classes = classes.data(), o.class_count = static_cast<uint32_t>(classes.size());
    o.count = options.count, o.steps = options.steps, o.eta = options.eta, o.guidance = options.guidance;
    o.seed = options.seed, o.flags = options.flags;
    if (options.weights) o.weights = options.weights->get();
    calls::run(calls::state_of(s), hear,
               [&](auto function, void* user) { return lur_sample(s.get(), &o, function, user); });
}

// All methods with their options, as JSON.
inline std::string methods() {
    return job::text(
        [](char* buffer, size_t capacity, size_t* length) { check(lur_methods_json(buffer, capacity, length)); });
}

} // namespace lur

#endif // LUR_HPP
