using System.Globalization;
using System.Text;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Verification;

/// <summary>A UNet, batches, and what another program computed from them. The tensor names are documented in
/// <c>docs/gradient-fixtures.md</c>; the network is in FILE.config.json beside FILE.safetensors, or in the metadata.</summary>
public sealed class DiffusionFixture : IDisposable
{
    private const string ContextName = "encoder_hidden_states";
    private readonly SafeTensorsFile _file;

    private DiffusionFixture(SafeTensorsFile file)
    {
        _file = file;
        var size = file.Contains("retain.sample") ? file["retain.sample"].Shape : [];
        if (size.Count != 4)
            throw new UserErrorException(
                $"'{Path}' is not a fixture of a diffusion model: its 'retain.sample' is missing or not N x C x H x W."
            );
        var path = System.IO.Path.ChangeExtension(Path, ".config.json");
        var json = File.Exists(path) ? File.ReadAllBytes(path) : Encoding.UTF8.GetBytes(Text("config"));
        Spec = UNetConfig.Read(File.Exists(path) ? path : Path, json) with
        {
            Input = new ImageSize((int)size[2], (int)size[3], (int)size[1]),
        };
        if (Spec.Condition == ClassCondition.Prompt)
            Spec = Spec with { ContextLength = ContextLength() };
        Network = Spec.Build();
    }

    /// <summary>The architecture.</summary>
    public UNetSpec Spec { get; }

    /// <summary>The network.</summary>
    public Network Network { get; }

    /// <summary>Path of the file.</summary>
    public string Path => _file.Path;

    /// <summary>True for a file that is meant as such a fixture.</summary>
    /// <param name="path">safetensors file.</param>
    public static bool Claims(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Contains("retain.timesteps");
    }

    /// <summary>Opens a fixture.</summary>
    /// <exception cref="UserErrorException">It is not a fixture, or incomplete.</exception>
    public static DiffusionFixture Open(string path)
    {
        var file = SafeTensorsFile.Open(path);
        try
        {
            return new DiffusionFixture(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True if the file has a tensor.</summary>
    public bool Has(string name) => _file.Contains(name);

    /// <summary>A tensor of floating-point numbers.</summary>
    public double[] Read(string name)
    {
        var values = new double[_file[name].Count];
        _file.Read(name, values);
        return values;
    }

    /// <summary>An image tensor, NCHW in the file, as NHWC.</summary>
    public double[] ReadImages(string name)
    {
        var (s, nchw) = (_file[name].Shape, Read(name));
        var nhwc = new double[nchw.Length];
        MemoryLayout.NchwToNhwc<double>(nchw, nhwc, (int)s[0], (int)s[1], (int)s[2], (int)s[3]);
        return nhwc;
    }

    /// <summary>A flat vector from tensors PREFIX.NAME.</summary>
    public double[] ReadVector(string prefix)
    {
        var values = new double[Network.Parameters.Count];
        foreach (var slot in Network.Parameters.Slots)
        {
            var name =
                Spec.FileNames(slot).Select(n => $"{prefix}.{n}").FirstOrDefault(_file.Contains)
                ?? throw new UserErrorException($"'{Path}' has no tensor '{prefix}.{slot.Name}', which the network asks for.");
            var source = Read(name);
            if (source.Length != slot.Count)
                throw new UserErrorException($"'{Path}': '{name}' has {source.Length} elements, the network {slot.Count}.");
            Spec.Family.FromFile<double>(slot, source, values.AsSpan(slot.Offset, slot.Count));
        }

        return values;
    }

    /// <summary>Rows of a batch.</summary>
    public int Rows(string prefix) => (int)_file[prefix + ".sample"].Shape[0];

    /// <summary>Fills a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="prefix">retain or forget.</param>
    /// <param name="target">Name of its target after the prefix.</param>
    public void Fill(NoisyTensors batch, string prefix, string target = "target")
    {
        var times = _file.ReadArray<long>($"{prefix}.timesteps");
        var prompts = Spec.Condition == ClassCondition.Prompt;
        if (prompts)
            batch.SetContext(Read($"{prefix}.{ContextName}"));
        var labels = prompts || Spec.Condition == ClassCondition.None ? [] : _file.ReadArray<long>($"{prefix}.class_labels");
        batch.Set(
            ReadImages($"{prefix}.sample"),
            Array.ConvertAll(times, t => (int)t),
            Array.ConvertAll(labels, l => (int)l),
            ReadImages($"{prefix}.{target}")
        );
    }

    private int ContextLength()
    {
        var shape = _file.Contains("retain." + ContextName) ? _file["retain." + ContextName].Shape : [];
        return shape.Count == 3 && shape[2] == Spec.ContextWidth
            ? (int)shape[1]
            : throw new UserErrorException($"'{Path}': 'retain.{ContextName}' is missing or not N x rows x {Spec.ContextWidth}.");
    }

    /// <summary>A number of the metadata.</summary>
    public double Number(string key) =>
        double.TryParse(Text(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new UserErrorException($"'{Path}': the metadata '{key}' is '{Text(key)}', expected a number.");

    /// <summary>The model at the fixture's parameters.</summary>
    public Model CreateModel(ComputeDevice device, Precision precision)
    {
        string[] names = [.. Sequences.Range(0, Spec.ClassCount).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        var channels = Sequences.Repeat(0.5, Spec.Input.Channels).ToArray();
        var model = new Model(device, precision, Spec, names, new InputNormalization(channels, channels));
        model.Parameters.Set(ReadVector("param"));
        return model;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private string Text(string key) =>
        _file.Metadata.TryGetValue(key, out var value)
            ? value
            : throw new UserErrorException($"'{Path}' is not a fixture of a diffusion model: its metadata has no '{key}'.");
}
