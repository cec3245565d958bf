using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Verification.Concepts;

namespace Lur.Runs;

/// <summary>What the verification of a concept is about: data, what was forgotten of them, the original, prompts.</summary>
internal sealed record ConceptParts(
    ComputeDevice Device,
    RunData Data,
    DataSplit Split,
    ForgetSet Set,
    Model Original,
    ForgetTask Task,
    ConceptPrompts Prompts
)
{
    /// <summary>The data as models take them.</summary>
    public DataSource Source => Data.Source;

    /// <summary>Reads a model and has it know the prompts.</summary>
    public Model Load(string path) => Extended(Data, Data.Load(path), path, Prompts);

    /// <summary>A model that knows the prompts, for one that does not; frees it where that fails.</summary>
    public static Model Extended(RunData data, Model model, string path, ConceptPrompts prompts)
    {
        try
        {
            return data.Extend(model, path, ConceptInputs.Wanted(prompts));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
