using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Diagonals of the Fisher information of denoising losses, sample by sample, at a model's weights.</summary>
/// <remarks>A sample's gradient is the sum over all T time steps; m of them are drawn, and their mean times T stands for it. The square
/// of an estimate is too large by its variance, which falls with m.</remarks>
internal sealed class DiffusionFisher : IDisposable
{
    private readonly Model _model;
    private readonly IImageDataset _data;
    private readonly Program _program;
    private readonly BatchStage _stage;
    private readonly FlatVector _gradient;
    private readonly double _timesteps;

    /// <summary>Plans the gradient of a sample.</summary>
    /// <param name="model">Model; its current weights are used at every call.</param>
    /// <param name="data">Data set.</param>
    /// <param name="draws">m, time steps and noise drawn for each sample.</param>
    /// <param name="seed">Seed of the draws.</param>
    public DiffusionFisher(Model model, IImageDataset data, int draws, ulong seed)
    {
        (_model, _data) = (model, data);
        _program = new Program(model.Device, model.Precision) { Captured = true };
        var task = new DiffusionTask(model, antithetic: false).Forgetting();
        _timesteps = task.Noise.Schedule.Count;
        _stage = task.Batch(_program, "fisher", draws, augment: false, seed, fed: false);
        _gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _ = new GradientEvaluation(_program, "fisher", model, model.Parameters, _stage, task.Loss, NormalizationMode.Frozen, _gradient);
    }

    /// <summary>Adds the mean over samples of (T g)^2, g the mean gradient of a sample's draws.</summary>
    /// <param name="sum">Receives it; a vector of double.</param>
    /// <param name="samples">Samples; at least one.</param>
    /// <param name="progress">Called with the number of samples done, or null.</param>
    /// <param name="cancellation">Stops between samples.</param>
    /// <exception cref="UserErrorException">A gradient is not finite.</exception>
    public void AddDiagonal(FlatVector sum, ReadOnlySpan<int> samples, Action<int>? progress, CancellationToken cancellation)
    {
        var kernels = _model.Device.Kernels(_model.Precision).Fisher;
        for (var i = 0; i < samples.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            _model.Device.Synchronize(); // the sample before has been read
            for (var row = 0; row < _stage.Batch; row++)
                _stage.SetRow(row, _data, samples[i]);
            _stage.Counter = (ulong)i * (ulong)_stage.Batch;
            _program.Run();
            kernels.FisherAccumulate(
                _model.Device.Elements(sum.Count),
                sum.Pointer.As<double>(),
                _gradient.Pointer,
                default,
                sum.Count,
                1,
                _timesteps,
                0,
                1.0 / samples.Length
            );
            progress?.Invoke(i + 1);
        }

        FisherPass.RequireFinite(sum, "squared gradients");
    }

    /// <summary>A vector of zeros for a diagonal.</summary>
    public static FlatVector Vector(Model model) => new(model.Device, Precision.Float64, model.Parameters.Layout, "Fisher diagonal");

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Device.Synchronize();
        _program.Dispose();
        _gradient.Dispose();
    }
}
