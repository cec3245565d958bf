using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;

namespace Lur.Steps;

/// <summary>One step of training or unlearning as a captured device program: gradients of losses, a look-ahead, a Hessian-vector
/// product, a direction, and the update behind a guard.</summary>
/// <remarks>Everything that trains goes through it. Weights, optimiser state and running statistics change together or not at all:
/// passes write running statistics to a vector of their own, and when a loss, a norm or a statistic is not finite nothing is kept.
/// Nothing is allocated or read back within a step.</remarks>
public sealed partial class Step : IDisposable
{
    private const int PartialCount = Optimizer.PartialCount;
    private readonly Resources _resources = new();
    private readonly StepOptions _options;
    private readonly LearningRateSchedule _schedule;
    private readonly Optimizer _optimizer;
    private readonly StepTelemetryBlock _telemetry;
    private readonly List<GradientTerm> _terms = [];
    private readonly Dictionary<string, FlatVector> _scratch = new(StringComparer.Ordinal);
    private FlatVector? _statistics;
    private long _tracked;
    private bool _updated;

    /// <summary>Begins a step.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="optimizer">Makes the update; its state is the caller's and may serve several steps.</param>
    /// <param name="options">Schedule, memory.</param>
    public Step(Model model, Optimizer optimizer, StepOptions options)
    {
        using var construction = _resources.Construct();
        (Model, _optimizer, _options, _schedule) = (model, optimizer, options, LearningRateSchedule.Parse(options.Schedule));
        Program = _resources.Own(new Program(model.Device, model.Precision, model.Products) { Captured = options.Captured });
        Parameters = new StepParameterBuffer(Program, options.Name) { RetainWeight = 1 };
        _optimizer.SetNumbers(Parameters, _schedule, 0, 1);
        _telemetry = new StepTelemetryBlock(Program, options.Name);
        construction.Complete();
    }

    /// <summary>The model that is changed.</summary>
    public Model Model { get; }

    /// <summary>The program, for plans and for batches that are declared in it.</summary>
    public Program Program { get; }

    /// <summary>Numbers the caller may change between runs.</summary>
    public StepParameterBuffer Parameters { get; }

    /// <summary>Bytes a run takes on the device beside the model and the momentum.</summary>
    public long PlannedBytes => Program.Plan().ArenaBytes;

    /// <summary>Takes ownership of something the step uses, such as a projection.</summary>
    public T Own<T>(T resource)
        where T : IDisposable => _resources.Own(resource);

    /// <summary>Declares a vector with the layout of the parameters.</summary>
    /// <param name="name">Name for plans.</param>
    public FlatVector Vector(string name) => new(Program, Model.Parameters.Layout, $"{_options.Name}/{name}", _options.Inspect);

    /// <summary>Records loss and gradient of a batch at some weights.</summary>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="term">The loss.</param>
    public GradientTerm Gradient(FlatVector weights, LossTerm term)
    {
        var (totals, vector) = (_telemetry.Guarded(3), Vector(term.Name + " gradient"));
        var answers = true;
        var evaluation = Evaluate(term.Name, weights, term, vector, Evaluated);
        if (term.Mode == NormalizationMode.TrainAndUpdate)
            _tracked++;
        var gradient = new GradientTerm(term, vector, evaluation, totals) { HasAnswers = answers };
        _terms.Add(gradient);
        return gradient;

        void Evaluated(Loss loss)
        {
            answers &= loss.HasAnswers;
            loss.Accumulate(_telemetry.At(totals));
        }
    }

    /// <summary>Makes one step of a run and waits for it.</summary>
    /// <param name="index">Number of the step, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public StepTelemetry Run(long index, long steps)
    {
        ReadAll();
        Enqueue(index, steps);
        return Read();
    }

    /// <summary>Steps that were given and not yet read.</summary>
    public int Pending => _telemetry.Pending;

    /// <summary>Gives the device one step of a run. Does not wait for it: what it reports is read later (<see cref="Read"/>), so that
    /// the device has its next step while the host reads.</summary>
    /// <exception cref="InvalidOperationException">Two steps are unread.</exception>
    /// <param name="index">Number of the step, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public void Enqueue(long index, long steps)
    {
        SetRate(index, steps);
        Program.Run();
    }

    /// <summary>Waits for the oldest step that was not read, and reads what it reports.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public StepTelemetry Read()
    {
        _telemetry.Take();
        if (!_telemetry.Skipped)
            Model.BatchesTracked += _tracked;
        return Report();
    }

    /// <summary>Makes one step part by part: the results are those of <see cref="Run"/>, with the seconds of its parts.</summary>
    /// <param name="index">Number of the step, for the schedule.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public (StepTelemetry Telemetry, StepTimes Times) RunTimed(long index, long steps)
    {
        ReadAll();
        SetRate(index, steps);
        var seconds = Program.RunSections();
        double Of(string section) => seconds.GetValueOrDefault(section, double.NaN);
        return (Read(), new StepTimes(Of(RetainSection), Of(ForgetSection), Of(ProductSection), Of(UpdateSection)));
    }

    /// <summary>Frees the program and what it owns.</summary>
    public void Dispose()
    {
        // The device may still be at work on a step that nobody will read.
        try
        {
            if (Pending > 0)
                Model.Device.Synchronize();
        }
        finally
        {
            _resources.Dispose();
        }
    }

    private void ReadAll()
    {
        while (Pending > 0)
            _ = Read();
    }

    private void SetRate(long index, long steps)
    {
        if (!_updated)
            throw new InvalidOperationException("The step has no update yet: record one before running it.");
        if (!FixedRate)
            _optimizer.SetNumbers(Parameters, _schedule, index, steps);
    }

    /// <summary>True to leave rate and momentum as <see cref="Parameters"/> has them, whatever the schedule says.</summary>
    public bool FixedRate { get; set; }

    private BatchGradient Evaluate(string name, FlatVector weights, LossTerm term, FlatVector target, Action<Loss> evaluated)
    {
        var statistics = term.Mode == NormalizationMode.TrainAndUpdate ? NextStatistics() : Model.Buffers;
        Program.Section(term.Role == TermRole.Retain ? (name == term.Name ? RetainSection : ProductSection) : ForgetSection);
        var site = new EvaluationSite(Program, name, Model.Network, weights, statistics, term.Mode) { Frozen = Model.Frozen };
        return new BatchGradient(site, term.Batch, term.Create, target, _options.Split, Scratch, evaluated);
    }

    /// <summary>Running statistics as the passes of this step leave them.</summary>
    private FlatVector NextStatistics()
    {
        if (_statistics is not null)
            return _statistics;
        _statistics = new FlatVector(Program, Model.Buffers.Layout, $"{_options.Name}/statistics to keep");
        Program.Copy<Lur.Device.Real>(_statistics, Model.Buffers, Model.Buffers.Bytes);
        return _statistics;
    }

    private FlatVector Scratch(string name)
    {
        if (!_scratch.TryGetValue(name, out var vector))
            _scratch.Add(name, vector = Vector(name));
        return vector;
    }

    private Value Partials(string name, int values) =>
        Program.Raw($"{_options.Name}/{name}/partials", ValueRole.Workspace, new Shape(values, PartialCount), sizeof(double));

    private void Finish(Value partials, int slot, int values) =>
        Program.Launch.Vector.VectorFinishSum(Program.Device.Blocks(values), _telemetry.At(slot), partials, PartialCount, values);

    /// <summary>|x|^2 into a slot.</summary>
    private void Square(FlatVector x, int slot)
    {
        var partials = Partials($"square {slot}", 1);
        if (Program.SumsAtOnce)
        {
            var (shape, done) = (Program.Device.Blocks(PartialCount), Program.Counters(1));
            Program.Launch.Vector.VectorSquareTotal(shape, _telemetry.At(slot), partials, done, x, x.Count, PartialCount);
            return;
        }

        Program.Launch.Vector.VectorSquareSum(Program.Device.Blocks(PartialCount), partials, x, x.Count, PartialCount);
        Finish(partials, slot, 1);
    }
}
