using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>One rendering: runs the statements. Expressions are in the other part.</summary>
internal sealed partial class Interpreter(Budget budget, TimeProvider clock)
{
    private StringBuilder _output = new();
    private int _depth;

    public Budget Budget { get; } = budget;

    public TimeProvider Clock { get; } = clock;

    /// <summary>The template's line being rendered, from 1.</summary>
    public int Line { get; private set; } = 1;

    public string Render(Statement[] body, Dictionary<string, Value> variables)
    {
        Execute(body, new Scope(new Scope(Globals.Scope(), variables)));
        return _output.ToString();
    }

    /// <summary>What the statements print, apart from the rendering's output.</summary>
    public string Capture(Statement[] body, Scope scope) => Capture(body, scope, out _);

    private string Capture(Statement[] body, Scope scope, out Flow flow)
    {
        StringBuilder outer = _output;
        int line = Line;
        _output = new StringBuilder();
        flow = Execute(body, scope);
        string text = _output.ToString();
        _output = outer;
        Line = line;
        return text;
    }

    private Flow Execute(Statement[] body, Scope scope)
    {
        Enter();
        Flow flow = Flow.Next;
        for (int i = 0; i < body.Length && flow == Flow.Next; i++)
        {
            Budget.Spend(1);
            Line = body[i].Line;
            flow = Execute(body[i], scope);
        }

        Leave();
        return flow;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case TextOutput text:
                Write(text.Text);
                return Flow.Next;
            case Print print:
                Write(Printer.Text(Evaluate(print.Value, scope), Budget));
                return Flow.Next;
            case If choice:
                return Execute(choice, scope);
            case For loop:
                return Execute(loop, scope);
            case Set set:
                Assign(set.Target, Evaluate(set.Value, scope), scope);
                return Flow.Next;
            case SetBlock set:
                Value? captured = Filtered(set.Body, set.Value, scope, out Flow setFlow);
                if (captured is not null) Assign(set.Target, captured, scope);
                return setFlow;
            case FilterBlock filter:
                Value? filtered = Filtered(filter.Body, filter.Value, scope, out Flow filterFlow);
                if (filtered is not null) Write(Printer.Text(filtered, Budget));
                return filterFlow;
            case Macro macro:
                scope.Set(macro.Name, new MacroValue(macro.Name, macro.Signature, macro.Body, scope));
                return Flow.Next;
            case CallBlock call:
                MacroValue caller = new("caller", call.Signature, call.Body, scope);
                Write(Printer.Text(Invoke(call.Target, scope, caller), Budget));
                return Flow.Next;
            case With with:
                Scope inner = new(scope);
                foreach ((Target target, Expression value) in with.Assignments) Assign(target, Evaluate(value, scope), inner);
                return Execute(with.Body, inner);
            case Jump jump:
                return jump.Flow;
            default:
                throw new InvalidOperationException($"The interpreter does not know the statement {statement.GetType().Name}.");
        }
    }

    private Flow Execute(If choice, Scope scope)
    {
        foreach ((Expression condition, Statement[] body) in choice.Branches)
            if (Evaluate(condition, scope).IsTrue) return Execute(body, scope);
        return Execute(choice.Else, scope);
    }

    private Flow Execute(For loop, Scope scope)
    {
        IReadOnlyList<Value> items = Iteration.Items(Evaluate(loop.Items, scope), Budget);
        if (loop.Filter is not null)
        {
            List<Value> kept = [];
            foreach (Value item in items)
            {
                Scope test = new(scope);
                Assign(loop.Target, item, test);
                if (Evaluate(loop.Filter, test).IsTrue) kept.Add(item);
            }

            items = kept;
        }

        if (items.Count == 0) return Execute(loop.Else, new Scope(scope));
        LoopValue state = new(items);
        for (int i = 0; i < items.Count; i++)
        {
            Scope inner = new(scope);
            state.Index = i;
            inner.Set("loop", state);
            Assign(loop.Target, items[i], inner);
            if (Execute(loop.Body, inner) == Flow.Break) break;
        }

        return Flow.Next;
    }

    /// <summary>What a block printed, after its filters; null if the block was left by break or continue.</summary>
    private Value? Filtered(Statement[] body, Expression value, Scope scope, out Flow flow)
    {
        Scope inner = new(scope);
        string text = Capture(body, inner, out flow);
        if (flow != Flow.Next) return null;
        Scope filters = new(scope);
        filters.Set(Names.Captured, new StringValue(text));
        return Evaluate(value, filters);
    }

    private void Assign(Target target, Value value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Name, value);
                break;
            case AttributeTarget attribute:
                if (scope.Get(attribute.Namespace) is not NamespaceValue space)
                    throw new JinjaException($"'{attribute.Namespace}' is not a namespace; its '{attribute.Attribute}' cannot be set");
                space.Attributes.Set(new StringValue(attribute.Attribute), value);
                break;
            case TupleTarget tuple:
                IReadOnlyList<Value> items = Iteration.Items(value, Budget);
                if (items.Count != tuple.Items.Length)
                    throw new JinjaException($"{items.Count} values cannot be assigned to {tuple.Items.Length} names");
                for (int i = 0; i < items.Count; i++) Assign(tuple.Items[i], items[i], scope);
                break;
        }
    }

    private void Write(string text)
    {
        Budget.Room((long)_output.Length + text.Length);
        Budget.Spend(text.Length);
        _output.Append(text);
    }

    /// <summary>Counts one more level of what may contain itself.</summary>
    public void Enter()
    {
        if (++_depth > Limits.EvaluationDepth) throw Budget.TooDeep();
        Budget.Stack();
    }

    public void Leave() => _depth--;
}
