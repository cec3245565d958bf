using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>The forget loss of a batch at the weights as they are: beside the loss after the look-ahead it shows what the
/// simulated retain step undoes. Running statistics are not touched.</summary>
public sealed class ForgetProbe : IDisposable
{
    private readonly Program _program;
    private readonly BatchStage _stage;
    private readonly Value _totals;
    private readonly double[] _read = new double[3];

    /// <summary>Plans the pass.</summary>
    /// <param name="model">Model; its current weights are used.</param>
    /// <param name="options">Options of the step whose batches are measured.</param>
    public ForgetProbe(Model model, LurOptions options)
    {
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        // Named as the step's batch: the same draws augment it.
        _stage = new BatchStage(p, "forget", options.ForgetRows, model, options.Augment, options.Seed, fed: false);
        var totals = _totals = Program.Keep(p.Raw("probe/totals", ValueRole.Output, new Shape(3), sizeof(double)));
        p.Clear(totals);
        var pass = new NetworkPass(p, "probe", options.ForgetRows, model.Parameters, model.Buffers, options.BatchNorm.ProbeMode());
        var output = model.Network.Forward(pass, _stage.Input);
        new SoftmaxCrossEntropy(p, "probe", output, _stage.DeviceLabels, options.ForgetLossSpec(model.Outputs)).Accumulate(
            totals.At<double>(0)
        );
    }

    /// <summary>Mean loss of the batch that a step is about to take.</summary>
    public double Measure(BatchStage batch)
    {
        batch.Images.CopyTo(_stage.Images);
        batch.Labels.CopyTo(_stage.Labels);
        _stage.Counter = batch.Counter;
        _program.Run();
        _program.Device.Download(_read.AsSpan(), _totals.Typed<double>());
        return _read[0] / _read[2];
    }

    /// <summary>Frees the program.</summary>
    public void Dispose()
    {
        _program.Dispose();
    }
}
