using Lur.Layers;

namespace Lur.Steps;

/// <summary>The rows of a network pass, on the device. What belongs to a row beside the network's inputs (a label, noise to predict)
/// is the task's, whose losses look for it.</summary>
public interface IBatch
{
    /// <summary>Rows.</summary>
    int Batch { get; }

    /// <summary>What the network is given, by the names of its inputs; the first dimension of each is the rows.</summary>
    IReadOnlyList<(string Name, Value Value)> Inputs { get; }

    /// <summary>Where dropout draws in passes on these rows; null: nothing is dropped.</summary>
    RandomSource? Random => null;

    /// <summary>Records copies of some rows, so that they begin at an aligned address.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="start">First row.</param>
    /// <param name="rows">How many.</param>
    IBatch Part(Program program, string name, int start, int rows);
}
