using Lur.Models;
using Lur.Steps;

namespace Lur.Tasks.Diffusion;

/// <summary>A batch of noisy images given as numbers, for checks.</summary>
public sealed class NoisyTensors : INoisyBatch
{
    private readonly RealInput _noisy,
        _target;
    private readonly RunInput<int> _times;
    private readonly RunInput<int>? _classes;
    private readonly RealInput? _context;

    /// <summary>Declares the buffers and emits their upload.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="spec">The network.</param>
    public NoisyTensors(Program program, string name, int batch, UNetSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        Batch = batch;
        var image = new Shape(batch, spec.Input.Height, spec.Input.Width, spec.Input.Channels);
        _noisy = new RealInput(program, $"{name}/noisy", image);
        _target = new RealInput(program, $"{name}/target", image.WithInnermost(spec.Outputs));
        _times = program.Input<int>($"{name}/times", new Shape(batch));
        if (spec is { Condition: ClassCondition.Prompt, ClassCount: 0 })
            _context = new RealInput(program, $"{name}/context", new Shape(batch, spec.ContextLength, spec.ContextWidth));
        else if (spec.Condition != ClassCondition.None)
            _classes = program.Input<int>($"{name}/classes", new Shape(batch));
    }

    /// <inheritdoc/>
    public int Batch { get; }

    /// <inheritdoc/>
    public Value Noisy => _noisy.Device;

    /// <inheritdoc/>
    public Value Target => _target.Device;

    /// <inheritdoc/>
    public Value Times => _times.Device;

    /// <inheritdoc/>
    public Value? Classes => _classes?.Device;

    /// <inheritdoc/>
    public Value? Context => _context?.Device;

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, Value Value)> Inputs => NoisyRows.InputsOf(this);

    /// <inheritdoc/>
    public IBatch Part(Program program, string name, int start, int rows) => NoisyRows.PartOf(this, program, name, start, rows);

    /// <summary>Sets the rows of the prompts of the next run.</summary>
    /// <param name="context">[N, rows, width].</param>
    /// <exception cref="InvalidOperationException">The network is given none.</exception>
    public void SetContext(ReadOnlySpan<double> context) =>
        (_context ?? throw new InvalidOperationException("The network is given no rows of prompts.")).Set(context);

    /// <summary>Sets the next run's numbers.</summary>
    /// <param name="noisy">[N, H, W, C].</param>
    /// <param name="times">[N].</param>
    /// <param name="classes">[N]; empty for a network without.</param>
    /// <param name="target">[N, H, W, C of the output].</param>
    public void Set(ReadOnlySpan<double> noisy, ReadOnlySpan<int> times, ReadOnlySpan<int> classes, ReadOnlySpan<double> target)
    {
        _noisy.Set(noisy);
        _target.Set(target);
        times.CopyTo(_times.Span);
        if (_classes is { } c)
            classes.CopyTo(c.Span);
    }
}
