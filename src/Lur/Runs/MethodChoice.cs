using Lur.Models;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>A method by name for a model in a file: what the model is for decides which method the name stands for.</summary>
public static class MethodChoice
{
    /// <summary>Binds a method to options given by name.</summary>
    /// <param name="name">Name of the method, in any case.</param>
    /// <param name="model">Path of the model; where there is none, the method is that for classifiers.</param>
    /// <param name="given">Options by name.</param>
    /// <returns>The method; retrain for a diffusion model takes what is not given from the config.json of its training.</returns>
    /// <exception cref="UserErrorException">There is no such method, it is not for such a model, or an option is none of its.</exception>
    public static BoundMethod Read(string name, string model, IReadOnlyDictionary<string, string> given)
    {
        ArgumentNullException.ThrowIfNull(given);
        // Of a name that one task alone has, whatever is wrong with the file is said later.
        var definition = TaskOf(model) is { } task ? MethodCatalog.Find(name, task) : MethodCatalog.Find(name);
        if (definition != DiffusionRetrain.Definition)
            return BoundMethod.Read(definition, given);
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var folder = ReferenceModels.TrainingOf(model);
        if (File.Exists(Path.Combine(folder, "config.json")) && ReferenceModels.RecipeOf(folder, "").Diffusion is { } recipe)
            foreach (var (option, text) in recipe.Texts())
                options[option.Name] = text;
        foreach (var (option, text) in given)
            options[option] = text;
        return BoundMethod.Read(definition, options);
    }

    /// <summary>Whether there is a method of the name, for whatever models, that takes the options.</summary>
    /// <param name="name">Name of the method, in any case.</param>
    /// <param name="given">Options by name.</param>
    public static bool AnyTakes(string name, IReadOnlyDictionary<string, string> given) =>
        MethodCatalog.All.Any(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && Takes(m, given));

    private static bool Takes(MethodDefinition method, IReadOnlyDictionary<string, string> given)
    {
        try
        {
            _ = BoundMethod.Read(method, given);
            return true;
        }
        catch (UserErrorException)
        {
            return false;
        }
    }

    private static MethodTask? TaskOf(string model)
    {
        try
        {
            return ImportedModels.IsFolder(model) ? MethodTask.Diffusion
                : !File.Exists(model) ? null
                : ModelFile.DrawsImages(model) ? MethodTask.Diffusion
                : MethodTask.Classification;
        }
        catch (UserErrorException)
        {
            return null;
        }
    }
}
