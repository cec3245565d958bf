using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>A method for models that draw images: its run is so many steps, whatever the size of the sets.</summary>
public abstract class DiffusionMethod : UnlearningMethod
{
    private int _pass = 1;
    private bool _asksForReplacements;
    private DiffusionLoop? _loop;

    /// <summary>Binds a method.</summary>
    private protected DiffusionMethod(UnlearningTask task)
        : base(task) { }

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + (_loop?.FrozenBytes ?? 0);

    /// <summary>Begins the loop.</summary>
    /// <param name="options">Validated options with the task's seed.</param>
    private protected DiffusionLoop Begin(DiffusionOptions options) => _loop = new DiffusionLoop(this, options);

    /// <summary>Passes of the set that the steps are counted against, from 0.</summary>
    public override long EpochOf(long index) => index / _pass;

    /// <summary>Says what a run is.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="step">The step.</param>
    /// <param name="counted">Batches whose passes are the epochs of the log.</param>
    /// <exception cref="UserErrorException">An anchor was given, and nothing asks for one.</exception>
    private protected void SetSteps(int steps, FedStep step, MethodFeed counted)
    {
        if (_loop is { Anchor.Length: > 0 } && !_asksForReplacements)
            throw new UserErrorException(
                $"The anchor '{_loop.Anchor}' has no part in this method, or in the forget loss that it was given; leave it out, or "
                    + "take the forget loss reassign."
            );
        _pass = counted.BatchesPerEpoch;
        SetEpochs(1, (step, steps));
    }

    /// <summary>For each class the one that takes its place: the next that is kept, or a prompt with other words.</summary>
    private protected IReadOnlyList<int> Replacements()
    {
        _asksForReplacements = true;
        var spec = DiffusionTargets.RequireClasses(Model);
        return _loop!.Anchor.Length == 0
            ? DiffusionTargets.NextTable(spec, [.. Task.Set.WholeClasses])
            : AnchoredPrompts.Table(Model, Task.Set, _loop.Anchor);
    }
}
