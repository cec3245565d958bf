using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Verification.Concepts;

/// <summary>The denoising loss of a model that is told prompts as a function of the rows of one prompt, and its gradient: what attacks on
/// prompts descend.</summary>
internal sealed class ContextLoss : IDisposable
{
    private readonly Program _program;
    private readonly NoisyTensors _batch;
    private readonly FlatVector _state;
    private readonly Value _loss,
        _context,
        _output;

    /// <summary>Plans the evaluation.</summary>
    /// <param name="model">The model; its current weights are used at every call.</param>
    /// <param name="rows">Images of a batch.</param>
    public ContextLoss(Model model, int rows)
    {
        // The same network, given rows in place of the number of a prompt.
        var spec = (UNetSpec)model.Spec with
        {
            ClassCount = 0,
            NullRow = false,
        };
        var network = spec.Build();
        // Where all of it could be trained, nothing is: gradients of weights would be made for nobody.
        var whole = model.Frozen.Count == 0;
        network.TrainOnly(whole ? _ => false : model.Network.Trained);
        var p = _program = new Program(model.Device, model.Precision) { Captured = true };
        _state = new FlatVector(model.Device, model.Precision, network.Buffers, "no state");
        _batch = new NoisyTensors(p, "attack", rows, spec);
        var evaluation = new GradientEvaluation(
            new EvaluationSite(p, "attack", network, whole ? _state : model.Parameters, _state, NormalizationMode.Frozen)
            {
                Frozen = whole ? model.Parameters : model.Frozen,
            },
            _batch,
            DiffusionTask.Squared(1),
            new FlatVector(p, network.Parameters, "attack/gradient"),
            inputGradient: true
        );
        _output = Program.Keep(evaluation.Output);
        _loss = Program.Keep(evaluation.Loss.RowLoss);
        _context = Program.Keep(evaluation.Pass.GradientOf(_batch.Context!));
    }

    /// <summary>Mean loss of a batch under one prompt.</summary>
    /// <param name="batch">Noisy images, as many as planned.</param>
    /// <param name="prompt">Rows of the prompt, [rows, width].</param>
    /// <param name="gradient">Receives the gradient of the loss with respect to them.</param>
    public double Evaluate(NoisyNumbers batch, ReadOnlySpan<double> prompt, Span<double> gradient)
    {
        Run(batch, prompt);
        var each = HostCopy.Of(_program, _context);
        gradient.Clear();
        for (var i = 0; i < each.Length; i++)
            gradient[i % prompt.Length] += each[i];
        return HostCopy.Of(_program, _loss).Average();
    }

    /// <summary>What the network predicts of a batch under one prompt, [n, H, W, C].</summary>
    /// <param name="batch">Noisy images, as many as planned.</param>
    /// <param name="prompt">Rows of the prompt, [rows, width].</param>
    public double[] Predict(NoisyNumbers batch, ReadOnlySpan<double> prompt)
    {
        Run(batch, prompt);
        return HostCopy.Of(_program, _output);
    }

    private void Run(NoisyNumbers batch, ReadOnlySpan<double> prompt)
    {
        var context = new double[_batch.Batch * prompt.Length];
        for (var row = 0; row < _batch.Batch; row++)
            prompt.CopyTo(context.AsSpan(row * prompt.Length));
        _batch.Set(batch.Noisy, batch.Times, [], batch.Target);
        _batch.SetContext(context);
        _program.Run();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _state.Dispose();
    }
}
