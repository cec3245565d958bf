using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Networks;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A tiny network, a few generated images and what to forget of them, for tests of whole methods.</summary>
internal sealed class MethodBench : IDisposable
{
    private Reference? _reference;
    private readonly DataSource _source = DataSource.Open("synthetic:train=60,test=20,seed=3");

    public MethodBench(Precision precision = Precision.Float64, string architecture = "resnet[1]:w3:stem3", string forget = "class:3")
    {
        Model = TestNetworks.Create(
            TestDevices.Default,
            precision,
            architecture,
            Data.Height,
            Data.Width,
            Data.Channels,
            Data.ClassNames.Count,
            TestRandom.ForCurrentTest()
        );
        // Random running statistics silence most units of so narrow a network.
        Model.ResetRunningStatistics();
        Set = ForgetSet.Resolve([forget], Data, [.. Enumerable.Range(0, Data.Count)], 1);
        Original = Model.Parameters.ToArray();
    }

    public Model Model { get; }

    public IImageDataset Data => _source.Train;

    public ForgetSet Set { get; }

    /// <summary>The weights before anything was done.</summary>
    public double[] Original { get; }

    /// <summary>What the steps reported.</summary>
    public List<StepTelemetry> Telemetry { get; } = [];

    /// <summary>Makes a method with options and runs it to its end.</summary>
    public IReadOnlyList<PreparationReport> Run(string name, params (string Name, string Text)[] options)
    {
        using var method = MethodScope.Create(
            new UnlearningTask(Model, Data, Set, 7),
            name,
            [.. options.SelectMany(o => new[] { o.Name, o.Text })]
        );
        var (reports, steps) = MethodScope.RunAll(method);
        Telemetry.AddRange(steps);
        return reports;
    }

    /// <summary>Gradient of one sample's cross-entropy and the probabilities of all classes, from a program of its own.</summary>
    public Outcome Sample(int index, int label = -1) => Evaluate(Bytes(index), label < 0 ? Data.Label(index) : label);

    /// <summary>As <see cref="Sample"/>, of an image [C, H, W] that need not be in the data.</summary>
    public Outcome Evaluate(byte[] bytes, int label)
    {
        _reference ??= new Reference(Model);
        return _reference.Evaluate(Normalise(bytes), label);
    }

    /// <summary>An image of the data, [C, H, W].</summary>
    public byte[] Bytes(int index)
    {
        var bytes = new byte[Data.Channels * Data.Height * Data.Width];
        Data.CopyImage(index, bytes);
        return bytes;
    }

    public void Dispose()
    {
        _reference?.Dispose();
        Model.Dispose();
        _source.Dispose();
    }

    /// <summary>[H, W, C], normalised as the model does.</summary>
    private double[] Normalise(byte[] bytes)
    {
        var (c, h, w) = (Data.Channels, Data.Height, Data.Width);
        var image = new double[bytes.Length];
        for (var k = 0; k < c; k++)
        {
            for (var i = 0; i < h * w; i++)
                image[(i * c) + k] = ((bytes[(k * h * w) + i] / 255.0) - Model.Normalization.Mean[k]) / Model.Normalization.Std[k];
        }

        return image;
    }

    /// <summary>What the model makes of one image.</summary>
    /// <param name="Gradient">Of the cross-entropy, with respect to the weights.</param>
    /// <param name="Probabilities">Of all classes.</param>
    /// <param name="ImageGradient">With respect to the normalised image, [H, W, C].</param>
    internal sealed record Outcome(double[] Gradient, double[] Probabilities, double[] ImageGradient);

    private sealed class Reference : IDisposable
    {
        private readonly Model _model;
        private readonly Program _program;
        private readonly TensorBatch _batch;
        private readonly FlatVector _gradient;
        private readonly Value _logits,
            _image;

        public Reference(Model model)
        {
            _model = model;
            _program = new Program(model.Device, model.Precision);
            _batch = new TensorBatch(_program, "sample", 1, model.Network);
            _gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
            var evaluation = new GradientEvaluation(
                _program,
                "sample",
                model,
                model.Parameters,
                _batch,
                ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
                NormalizationMode.Frozen,
                _gradient,
                inputGradient: true
            );
            (_logits, _image) = (Program.Keep(evaluation.Output), Program.Keep(evaluation.Pass.GradientOf(_batch.Input)));
        }

        public Outcome Evaluate(double[] image, int label)
        {
            _batch.Set(image, [label]);
            _program.Run();
            var (logits, gradient) = (new double[_model.Outputs], new double[image.Length]);
            _model.Device.Download(logits.AsSpan(), _logits.Pointer);
            _model.Device.Download(gradient.AsSpan(), _image.Pointer);
            var e = logits.Select(z => Math.Exp(z - logits.Max())).ToArray();
            return new Outcome(_gradient.ToArray(), [.. e.Select(x => x / e.Sum())], gradient);
        }

        public void Dispose()
        {
            _program.Dispose();
            _gradient.Dispose();
        }
    }
}
