using System.Globalization;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Verification;

/// <summary>A batch of a fixture: normalised images [N, H, W, C] and labels [N].</summary>
/// <param name="Images">Numbers, already normalised.</param>
/// <param name="Labels">Labels.</param>
public sealed record FixtureBatch(double[] Images, int[] Labels);

/// <summary>A ResNet, batches, and what another program computed from them: loss, gradient, Hessian-vector product, LUR
/// gradient, whole LUR steps. The tensor names are documented in <c>docs/gradient-fixtures.md</c>.</summary>
public sealed class GradientFixture : IDisposable
{
    private readonly SafeTensorsFile _file;

    private GradientFixture(SafeTensorsFile file)
    {
        _file = file;
        Require("format", "lur-gradient-fixture");
        var image = Text("image").Split('x').Select(t => int.Parse(t, NumberStyles.None, CultureInfo.InvariantCulture)).ToArray();
        var stages = Text("stages").Split(',');
        var stem = Text("stem").StartsWith('7') ? 7 : 3;
        var kind = _file.Metadata.GetValueOrDefault("block", "basic") switch
        {
            "basic" => "",
            "bottleneck" => ":bottleneck",
            var other => throw new UserErrorException($"'{Path}': the metadata 'block' is '{other}', expected 'basic' or 'bottleneck'."),
        };
        Spec = ModelFamilies.Parse(
            $"resnet[{string.Join(',', stages)}]{kind}:w{Text("width")}:stem{stem}",
            new ImageSize(image[1], image[2], image[0]),
            int.Parse(Text("classes"), NumberStyles.None, CultureInfo.InvariantCulture)
        );
        Network = Spec.Build();
        Normalization = new InputNormalization(Read("normalize/mean"), Read("normalize/std"));
    }

    /// <summary>The architecture.</summary>
    public ModelSpec Spec { get; }

    /// <summary>The network.</summary>
    public Network Network { get; }

    /// <summary>Input normalisation.</summary>
    public InputNormalization Normalization { get; }

    /// <summary>Path of the file.</summary>
    public string Path => _file.Path;

    /// <summary>Number of whole steps in the file; 0 if there are none.</summary>
    public int Steps => _file.Contains("steps/losses") ? (int)_file["steps/losses"].Shape[0] : 0;

    /// <summary>Opens a fixture.</summary>
    /// <exception cref="UserErrorException">It is not a fixture, or incomplete.</exception>
    public static GradientFixture Open(string path)
    {
        var file = SafeTensorsFile.Open(path);
        try
        {
            return new GradientFixture(file);
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is FormatException or IndexOutOfRangeException or OverflowException
                ? new UserErrorException($"'{path}': the metadata of the gradient fixture is malformed ({e.Message.TrimEnd('.')}).", e)
                : e;
        }
    }

    /// <summary>True if the file has a tensor.</summary>
    public bool Has(string name) => _file.Contains(name);

    /// <summary>True if the file has a flat vector under a prefix.</summary>
    public bool HasVector(string prefix) => _file.Contains($"{prefix}/{Network.Parameters.Slots[0].Name}");

    /// <summary>A tensor of floating-point numbers.</summary>
    public double[] Read(string name)
    {
        var values = new double[_file[name].Count];
        _file.Read(name, values);
        return values;
    }

    /// <summary>A flat vector in memory layout (filters KRSC) from tensors PREFIX/NAME in torch's (OIHW).</summary>
    public double[] ReadVector(string prefix, ParameterLayout layout)
    {
        var values = new double[layout.Count];
        foreach (var slot in layout.Slots)
        {
            var source = Read($"{prefix}/{slot.Name}");
            if (source.Length != slot.Count)
                throw new UserErrorException($"'{Path}': '{prefix}/{slot.Name}' has {source.Length} elements, the model {slot.Count}.");
            Spec.Family.FromFile<double>(slot, source, values.AsSpan(slot.Offset, slot.Count));
        }

        return values;
    }

    /// <summary>A batch from PREFIX/images and PREFIX/labels; <paramref name="step"/> picks one of several.</summary>
    public FixtureBatch ReadBatch(string prefix, int step = -1)
    {
        var images = Read($"{prefix}/images");
        var labels = Array.ConvertAll(_file.ReadArray<long>($"{prefix}/labels"), l => (int)l);
        if (step >= 0)
        {
            int pixels = images.Length / Steps,
                count = labels.Length / Steps;
            images = images[(step * pixels)..((step + 1) * pixels)];
            labels = labels[(step * count)..((step + 1) * count)];
        }

        int n = labels.Length,
            c = Network.Channels,
            h = Network.Height,
            w = Network.Width;
        if (images.Length != n * c * h * w)
            throw new UserErrorException($"'{Path}': '{prefix}/images' has {images.Length} numbers, expected {n} x {c} x {h} x {w}.");
        var nhwc = new double[images.Length];
        MemoryLayout.NchwToNhwc<double>(images, nhwc, n, c, h, w);
        for (var i = 0; i < nhwc.Length; i++)
            nhwc[i] = (nhwc[i] - Normalization.Mean[i % c]) / Normalization.Std[i % c];
        return new FixtureBatch(nhwc, labels);
    }

    /// <summary>The model at the fixture's parameters and running statistics.</summary>
    public Model CreateModel(ComputeDevice device, Precision precision)
    {
        string[] classes = [.. Sequences.Range(0, Spec.Outputs).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        var model = new Model(device, precision, Spec, classes, Normalization);
        model.Parameters.Set(ReadVector("parameters", Network.Parameters));
        model.Buffers.Set(ReadVector("buffers", Network.Buffers));
        return model;
    }

    /// <summary>LUR options as the fixture gives them, with the exact product.</summary>
    public LurOptions Options()
    {
        Require("forget_loss", "negative_cross_entropy");
        return new LurOptions
        {
            Alpha = Number("alpha"),
            Lambda = Number("forget_weight"),
            RetainWeight = Number("retain_weight"),
            LearningRate = Number("lr"),
            Momentum = Number("momentum"),
            WeightDecay = Number("weight_decay"),
            Nesterov = Text("nesterov") == "true",
            BatchNorm = Frozen ? BatchNormPolicy.Frozen : BatchNormPolicy.RetainOnly,
            Hvp = HessianVectorProduct.Exact,
        };
    }

    /// <summary>True when BatchNorm uses running statistics in every pass.</summary>
    public bool Frozen => Text("batch_norm") == "frozen";

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private string Text(string key) =>
        _file.Metadata.TryGetValue(key, out var value)
            ? value
            : throw new UserErrorException($"'{Path}' is not a gradient fixture: its metadata has no '{key}'.");

    private double Number(string key) =>
        double.TryParse(Text(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new UserErrorException($"'{Path}': the metadata '{key}' is '{Text(key)}', expected a number.");

    private void Require(string key, string expected)
    {
        if (Text(key) != expected)
            throw new UserErrorException($"'{Path}': the metadata '{key}' is '{Text(key)}', expected '{expected}'.");
    }
}
