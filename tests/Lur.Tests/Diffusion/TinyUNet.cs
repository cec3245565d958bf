using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Device;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Diffusion;

/// <summary>A UNet of two levels for images of 3 x 8 x 8 and three classes, with random weights.</summary>
internal static class TinyUNet
{
    public static Model Create(ComputeDevice device, Precision precision, string options = "")
    {
        var spec = (UNetSpec)ModelFamilies.Parse("unet:c8:m1,2:r1:attn4:g4" + options, new ImageSize(8, 8, 3), 3);
        string[] classes = [.. new[] { "cat", "dog", "owl" }.Take(spec.Classes)];
        var model = new Model(device, precision, spec, classes, new InputNormalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]));
        model.Initialize(TestRandom.ForCurrentTest().Next(), WeightInitialization.TorchDefault);
        return model;
    }
}

/// <summary>A network that is asked for one image at a time, in double.</summary>
internal sealed class AskedNetwork : IDisposable
{
    private readonly Model _model;
    private readonly Program _program;
    private readonly Value _x,
        _y;
    private readonly RunInput<int> _time;
    private readonly RunInput<int>? _classes;

    public AskedNetwork(Model model)
    {
        var (p, spec) = (new Program(model.Device, Precision.Float64), (UNetSpec)model.Spec);
        (_model, _program) = (model, p);
        _x = Program.Keep(p.Real("x", ValueRole.Input, new Shape(1, spec.Input.Height, spec.Input.Width, spec.Input.Channels)));
        _time = p.Input<int>("time", new Shape(1));
        List<(string, Value)> inputs = [(NetworkInput.Images, _x), (UNetInputs.Time, _time.Device)];
        if (spec.Condition != ClassCondition.None)
        {
            _classes = p.Input<int>("classes", new Shape(1));
            inputs.Add((UNetInputs.Class, _classes.Device));
        }

        var pass = new NetworkPass(p, "asked", 1, model.Parameters, model.Buffers, NormalizationMode.Frozen);
        _y = Program.Keep(model.Network.Forward(pass, [.. inputs]));
    }

    /// <summary>The network's output of one image, [H, W, C].</summary>
    public double[] Ask(double[] x, int time, int label = 0)
    {
        _program.Commit();
        _model.Device.Upload(_x.Pointer, x);
        _time.Span[0] = time;
        if (_classes is not null)
            _classes.Span[0] = label;
        _program.Run();
        var y = new double[_y.Shape.Count];
        _model.Device.Download(y.AsSpan(), _y.Pointer);
        return y;
    }

    public void Dispose() => _program.Dispose();
}
