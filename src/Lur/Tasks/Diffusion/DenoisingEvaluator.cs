using Lur.Data;
using Lur.Layers;
using Lur.Losses;
using Lur.Models;

namespace Lur.Tasks.Diffusion;

/// <summary>The denoising loss of a model on samples as they are, with draws that depend on nothing but the sample and the number of the
/// draw: two models are measured with the same noise.</summary>
public sealed class DenoisingEvaluator : IDisposable
{
    private const ulong Seed = 0;
    private readonly Program _program;
    private readonly BatchStage _stage;
    private readonly MeanSquaredError _loss;

    /// <summary>Plans the evaluation step.</summary>
    /// <param name="model">A diffusion model; its current weights are used at every call.</param>
    /// <param name="batchSize">Batch size; results do not depend on it.</param>
    public DenoisingEvaluator(Model model, int batchSize = 64)
    {
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        // Antithetic rows would look at one another.
        _stage = new DiffusionTask(model, antithetic: false).Batch(p, "evaluate", batchSize, augment: false, Seed, fed: false);
        var pass = new NetworkPass(p, "evaluate", batchSize, model.Parameters, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
        };
        var output = model.Network.Forward(pass, _stage.Inputs.ToValues());
        _loss = new MeanSquaredError(p, "evaluate", output, ((INoisyBatch)_stage).Target);
        Program.Keep(_loss.RowLoss);
    }

    /// <summary>Mean squared error of each sample's prediction, the mean over some draws of time step and noise.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples, in the order of the result.</param>
    /// <param name="draws">Draws for each, at least 1.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A loss is not finite.</exception>
    public double[] Losses(
        IImageDataset data,
        ReadOnlySpan<int> indices,
        int draws = 1,
        Action<int>? progress = null,
        CancellationToken cancel = default
    )
    {
        var losses = new double[indices.Length];
        var rows = (long)indices.Length * draws;
        for (long first = 0; first < rows; first += _stage.Batch)
        {
            cancel.ThrowIfCancellationRequested();
            var n = (int)Math.Min(_stage.Batch, rows - first);
            for (var row = 0; row < _stage.Batch; row++)
                _stage.SetRow(row, data, indices[(int)((first + Math.Min(row, n - 1)) / draws)]);
            _stage.Counter = (ulong)first;
            _program.Run();
            var values = HostCopy.Of(_program, _loss.RowLoss);
            for (var row = 0; row < n; row++)
            {
                var sample = (int)((first + row) / draws);
                losses[sample] += double.IsFinite(values[row]) ? values[row] / draws : throw NotFinite(data, indices[sample]);
            }

            progress?.Invoke((int)((first + n) / draws));
        }

        return losses;
    }

    /// <inheritdoc/>
    public void Dispose() => _program.Dispose();

    private static UserErrorException NotFinite(IImageDataset data, int sample) =>
        new(
            $"The denoising loss of sample {sample} of {data.Name} is not a finite number; the training or unlearning of the model "
                + "diverged, and a smaller learning rate may help."
        )
        {
            IsDivergence = true,
        };
}
