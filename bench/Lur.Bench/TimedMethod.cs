using System.Globalization;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>A method bound to a model and images, prepared and past its first steps: what is timed is a step of the middle of a
/// run, as the product makes it, with the feeding of the batches.</summary>
internal sealed class TimedMethod : IDisposable
{
    /// <summary>LUR times the parts of five of its first steps, which is slower than a step of the rest of the run.</summary>
    private const int FirstSteps = 6;

    /// <summary>Batches of an epoch: more than are ever timed, so that none of the steps is the first of an epoch.</summary>
    private const int Batches = 48;

    private readonly ComputeDevice _device;
    private readonly BenchImages _images;
    private readonly Model _model;
    private readonly StepVariant _variant;

    /// <summary>Binds, prepares and makes the first steps.</summary>
    /// <param name="model">Architecture.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="variant">What is to be timed.</param>
    public TimedMethod(string model, int batch, StepVariant variant)
        : this(
            model,
            batch,
            variant,
            variant.Part == StepPart.FirstOfEpoch ? (batch, Batches * batch) : (Batches * batch, Batches * batch),
            [("lr", "0.0001"), StepVariant.UNet.Contains(variant) ? ("steps", "1000") : ("epochs", "1000"), ("batch", $"{batch}")]
        )
    {
        foreach (var preparation in Method.Preparations)
            preparation.Run();
        if (variant.Part == StepPart.Preparation)
            return;
        for (var i = 0; i < FirstSteps; i++)
            Method.RunStep();
    }

    /// <summary>Binds only.</summary>
    /// <param name="model">Architecture.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="variant">Method.</param>
    /// <param name="samples">Images to retain and to forget.</param>
    /// <param name="options">Options beside those of the variant.</param>
    /// <param name="precision">Element type.</param>
    public TimedMethod(
        string model,
        int batch,
        StepVariant variant,
        (int Retain, int Forget) samples,
        IEnumerable<(string Name, string Text)> options,
        Precision precision = Precision.Float32
    )
    {
        (_variant, Batch) = (variant, batch);
        _device = ComputeDevice.Open();
        var side = StepVariant.SideOf(model);
        _images = new BenchImages(samples.Retain + samples.Forget, side);
        var spec = ModelFamilies.Parse(model, new ImageSize(side, side, 3), 10);
        var task = MethodCatalog.TaskOf(spec);
        double[] deviation = task == MethodTask.Diffusion ? [0.5, 0.5, 0.5] : [0.25, 0.25, 0.25];
        _model = new Model(_device, precision, spec, _images.ClassNames, new InputNormalization([0.5, 0.5, 0.5], deviation));
        _model.Initialize(1);
        Set = ForgetSet.Resolve(
            [
                task == MethodTask.Diffusion
                    ? $"class:{_images.ClassNames[0]}"
                    : string.Create(CultureInfo.InvariantCulture, $"random:{samples.Forget}"),
            ],
            _images,
            [.. Enumerable.Range(0, _images.Count)],
            1
        );
        var definition = MethodCatalog.Find(variant.Method, task);
        Options = definition.Read(variant.Options.Concat(options).ToDictionary(o => o.Name, o => o.Text, StringComparer.Ordinal));
        Method = definition.Make(new UnlearningTask(_model, _images, Set, Seed), Options);
    }

    /// <summary>Seed of every draw.</summary>
    public const ulong Seed = 1;

    /// <summary>The method.</summary>
    public UnlearningMethod Method { get; }

    /// <summary>Its options.</summary>
    public OptionRecord Options { get; }

    /// <summary>What is forgotten and retained.</summary>
    public ForgetSet Set { get; }

    /// <summary>The images.</summary>
    public IImageDataset Images => _images;

    /// <summary>Batch size.</summary>
    public int Batch { get; }

    /// <summary>Everything alive on the device: model, momentum, vectors, arenas. Steps allocate nothing, so it is their peak.</summary>
    public long DeviceBytes => _device.LiveBytes;

    /// <summary>What is timed.</summary>
    public void Run()
    {
        if (_variant.Part == StepPart.Preparation)
        {
            Method.Preparations.Single().Run();
            return;
        }

        if (_variant.Part == StepPart.Step && Method.Step >= Method.StepsPerEpoch)
            throw new InvalidOperationException($"{_variant.Title}: the epoch is over, and a step that begins one would be timed.");
        var telemetry = Method.RunStep();
        if (telemetry.Skipped || !(double.IsFinite(telemetry.RetainLoss) || double.IsFinite(telemetry.ForgetLoss)))
            throw new InvalidOperationException($"{_variant.Title}: the step was skipped or is not finite.");
    }

    /// <summary>Checks that what is timed moves the weights, and that ScissorHands' projection fires and leaves a gradient that
    /// does not lower the loss of a memory.</summary>
    /// <exception cref="InvalidOperationException">It does not.</exception>
    public void Verify()
    {
        var before = _model.Parameters.ToArray();
        Run();
        var after = _model.Parameters.ToArray();
        var moved = Math.Sqrt(before.Zip(after, (b, a) => (a - b) * (a - b)).Sum());
        if (!(moved > 0 && double.IsFinite(moved)))
            throw new InvalidOperationException($"{_variant.Title}: what is timed moved the weights by {moved}.");
        if (Method is not ScissorHands scissorHands)
            return;
        var (products, slack) = scissorHands.CheckProjection()!.Value;
        if (!(scissorHands.Measurements.Single().Value > 0))
            throw new InvalidOperationException(
                $"{_variant.Title}: the projection did not fire in {Method.Step} steps, so its cost would be missing."
            );
        if (products.Any(p => !(p >= -slack)))
            throw new InvalidOperationException(
                FormattableString.Invariant(
                    $"{_variant.Title}: after the projection a product with a memory is {products.Min()}, below -{slack}."
                )
            );
    }

    /// <summary>The weights as they are.</summary>
    public double[] Weights() => _model.Parameters.ToArray();

    /// <summary>Writes the model to a file.</summary>
    public void Save(string path) => ModelFile.Save(_model, path);

    /// <inheritdoc/>
    public void Dispose()
    {
        Method.Dispose();
        _model.Dispose();
        _images.Dispose();
        _device.Dispose();
    }
}
