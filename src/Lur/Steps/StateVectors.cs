using Lur.Checkpoints;
using Lur.Device;
using Lur.Tensors;

namespace Lur.Steps;

/// <summary>Flat vectors in a saved state, in their own precision.</summary>
internal static class StateVectors
{
    /// <summary>Puts a vector into a state.</summary>
    public static void Save(TrainingState state, string name, FlatVector vector)
    {
        if (vector.Precision == Precision.Float64)
            state.SetArray(name, vector.ToArray());
        else
            state.SetArray(name, vector.ToFloatArray());
    }

    /// <summary>Takes a vector from a state.</summary>
    public static void Restore(TrainingState state, string name, FlatVector vector)
    {
        if (vector.Precision == Precision.Float64)
            vector.Set(state.GetArray<double>(name, vector.Count));
        else
            vector.Set(state.GetArray<float>(name, vector.Count));
    }
}
