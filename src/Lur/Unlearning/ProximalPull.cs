using Lur.Checkpoints;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Soft-thresholding of the weights towards an anchor after every update: tau is the k-th smallest
/// |theta - anchor|; theta = anchor + sign(theta - anchor) max(|theta - anchor| - tau, 0). At least k weights have the
/// anchor's bits afterwards. Runs inside a captured step.</summary>
public sealed class ProximalPull : IDisposable
{
    private readonly Model _model;
    private readonly FlatVector _anchor,
        _distance;
    private readonly List<RunInput<ulong>> _states = []; // of each program: 0, k

    /// <summary>Allocates the anchor, at the model's present weights.</summary>
    public ProximalPull(Model model)
    {
        _model = model;
        _anchor = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "anchor");
        _distance = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "distance from the anchor");
        SetAnchor();
    }

    /// <summary>k for the steps that follow; 0 leaves the weights alone.</summary>
    public long Rank
    {
        get;
        set
        {
            field = value;
            foreach (var state in _states)
                state.Span[1] = (ulong)value;
        }
    }

    /// <summary>Bytes of its vectors.</summary>
    public long Bytes => _anchor.Bytes + _distance.Bytes;

    /// <summary>Moves the anchor to the model's present weights.</summary>
    public void SetAnchor() => _anchor.CopyFrom(_model.Parameters);

    /// <summary>Records the pull after an update.</summary>
    /// <param name="p">Program under construction.</param>
    /// <param name="skip">The update's skip flag, int: a skipped update is not followed by a pull.</param>
    internal void Record(Program p, Value skip)
    {
        var (device, kernels, theta, anchor, distance, n) = (
            p.Device,
            p.Launch.Proximal,
            _model.Parameters,
            _anchor,
            _distance,
            _anchor.Count
        );
        var (input, elements) = (p.Input<ulong>("proximal/state", new Shape(2)), device.Elements(n));
        input.Span[1] = (ulong)Rank;
        _states.Add(input);
        kernels.ProximalDistance(elements, distance, theta, anchor, n);
        var tau = RankSelection.Select(p, "proximal", distance, input.Device);
        kernels.ProximalShrink(elements, theta, anchor, tau, skip, n);
    }

    /// <summary>Puts the anchor into a state.</summary>
    internal void Save(TrainingState state) => StateVectors.Save(state, "anchor", _anchor);

    /// <summary>Takes the anchor from a state.</summary>
    internal void Restore(TrainingState state) => StateVectors.Restore(state, "anchor", _anchor);

    /// <inheritdoc/>
    public void Dispose()
    {
        _anchor.Dispose();
        _distance.Dispose();
    }
}
