using Lur.Layers;
using Lur.Steps;

namespace Lur.Tasks;

/// <summary>A loss of a batch at a model's weights as they are, outside the step. Running statistics are not touched.</summary>
public sealed class LossProbe : IDisposable
{
    private readonly Program _program;
    private readonly BatchStage _stage;
    private readonly Value _totals;
    private readonly double[] _read = new double[3];

    /// <summary>Plans the pass.</summary>
    /// <param name="task">Gives the model, whose current weights are used.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="name">Name of the batches that will be measured: the same draws augment them.</param>
    /// <param name="rows">Their size.</param>
    /// <param name="augment">Whether they are augmented.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="mode">Behaviour of normalisation layers; not <see cref="NormalizationMode.TrainAndUpdate"/>.</param>
    public LossProbe(LearningTask task, LossFactory loss, string name, int rows, bool augment, ulong seed, NormalizationMode mode)
    {
        var (model, p) = (task.Model, _program = new Program(task.Model.Device, task.Model.Precision) { Captured = true });
        _stage = task.Batch(p, name, rows, augment, seed, fed: false);
        var totals = _totals = Program.Keep(p.Raw("probe/totals", ValueRole.Output, new Shape(3), sizeof(double)));
        p.Clear(totals);
        var pass = new NetworkPass(p, "probe", rows, model.Parameters, model.Buffers, mode) { Frozen = model.Frozen };
        var output = model.Network.Forward(pass, _stage.Inputs.ToValues());
        loss(new LossSite(p, "probe", output, _stage)).Accumulate(totals.At<double>(0));
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
    public void Dispose() => _program.Dispose();
}
