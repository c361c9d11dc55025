namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Python's arithmetic on values.</summary>
internal static class Operators
{
    public static Value Apply(BinaryOperator operation, Value left, Value right, Interpreter interpreter)
    {
        if (left is UndefinedValue a) throw a.Failure();
        if (operation == BinaryOperator.Modulo && left is StringValue format) return PythonFormat.Percent(format.Text, right, interpreter);
        if (right is UndefinedValue b) throw b.Failure();
        if (Number.TryRead(left, out long i) && Number.TryRead(right, out long j)) return Integers(operation, i, j);
        if (Number.TryRead(left, out double x) && Number.TryRead(right, out double y)) return new FloatValue(Floats(operation, x, y));
        return (operation, left, right) switch
        {
            (BinaryOperator.Add, StringValue s, StringValue t) => Join(s, t, interpreter.Budget),
            (BinaryOperator.Add, ListValue s, ListValue t) when s.IsTuple == t.IsTuple => Join(s, t, interpreter.Budget),
            (BinaryOperator.Multiply, StringValue or ListValue, IntegerValue or BooleanValue) => Repeat(left, right, interpreter.Budget),
            (BinaryOperator.Multiply, IntegerValue or BooleanValue, StringValue or ListValue) => Repeat(right, left, interpreter.Budget),
            (BinaryOperator.Add, StringValue, _) => throw new JinjaException($"a value of type '{right.TypeName}' cannot be added to text"),
            _ => throw new JinjaException(
                $"'{Sign(operation)}' does not work on values of types '{left.TypeName}' and '{right.TypeName}'"),
        };
    }

    public static Value Negate(Value value, bool negative)
    {
        if (value is UndefinedValue undefined) throw undefined.Failure();
        if (Number.TryRead(value, out long integer)) return Number.Checked(negative ? -(Int128)integer : integer);
        return value is FloatValue number
            ? new FloatValue(negative ? -number.Number : number.Number)
            : throw new JinjaException($"a value of type '{value.TypeName}' has no sign");
    }

    private static StringValue Join(StringValue left, StringValue right, Budget budget)
    {
        budget.Text((long)left.Text.Length + right.Text.Length);
        return new StringValue(left.Text + right.Text);
    }

    private static ListValue Join(ListValue left, ListValue right, Budget budget)
    {
        budget.Elements((long)left.Items.Count + right.Items.Count);
        return new ListValue([.. left.Items, .. right.Items], left.IsTuple);
    }

    private static Value Repeat(Value value, Value times, Budget budget)
    {
        long count = Math.Clamp(Number.Require(times, "a repetition"), 0, int.MaxValue);
        if (value is StringValue text)
        {
            budget.Text(text.Text.Length * count);
            return new StringValue(text.Text.Length == 0 ? "" : string.Concat(Enumerable.Repeat(text.Text, (int)count)));
        }

        ListValue list = (ListValue)value;
        budget.Elements(list.Items.Count * count);
        Value[] items = new Value[list.Items.Count * count];
        for (int i = 0; i < items.Length; i++) items[i] = list.Items[i % list.Items.Count];
        return new ListValue(items, list.IsTuple);
    }

    private static Value Integers(BinaryOperator operation, long left, long right) => operation switch
    {
        BinaryOperator.Add => Number.Checked((Int128)left + right),
        BinaryOperator.Subtract => Number.Checked((Int128)left - right),
        BinaryOperator.Multiply => Number.Checked((Int128)left * right),
        BinaryOperator.Divide => new FloatValue(left / (double)NonZero(right)),
        BinaryOperator.FloorDivide => Number.Checked(FloorDivide(left, NonZero(right))),
        BinaryOperator.Modulo => Number.Checked(left - (FloorDivide(left, NonZero(right)) * right)),
        _ when right >= 0 => Power(left, right),
        _ => new FloatValue(Math.Pow(NonZero(left), right)),
    };

    private static double Floats(BinaryOperator operation, double left, double right) => operation switch
    {
        BinaryOperator.Add => left + right,
        BinaryOperator.Subtract => left - right,
        BinaryOperator.Multiply => left * right,
        BinaryOperator.Divide => left / NonZero(right),
        BinaryOperator.FloorDivide => Math.Floor(left / NonZero(right)),
        BinaryOperator.Modulo => Modulo(left, NonZero(right)),
        _ => Power(left, right),
    };

    private static T NonZero<T>(T divisor)
        where T : System.Numerics.INumberBase<T> =>
        T.IsZero(divisor) ? throw new JinjaException("a number is divided by zero") : divisor;

    private static Int128 FloorDivide(Int128 left, Int128 right)
    {
        (Int128 quotient, Int128 remainder) = Int128.DivRem(left, right);
        return remainder != 0 && (remainder < 0) != (right < 0) ? quotient - 1 : quotient;
    }

    private static double Modulo(double left, double right)
    {
        double remainder = left % right;
        if (remainder == 0) return Math.CopySign(0, right);
        return (remainder < 0) != (right < 0) ? remainder + right : remainder;
    }

    private static IntegerValue Power(long left, long right)
    {
        if (left is 0 or 1 or -1) return new IntegerValue(right == 0 ? 1 : left < 0 && right % 2 == 0 ? 1 : left);
        Int128 result = 1;
        for (long i = 0; i < right; i++) result = Number.Checked(result * left).Number;   // at most 63 rounds
        return Number.Checked(result);
    }

    private static double Power(double left, double right)
    {
        if (left == 0 && right < 0) throw new JinjaException("zero has no negative power");
        double result = Math.Pow(left, right);
        if (double.IsNaN(result) && !double.IsNaN(left) && !double.IsNaN(right)) throw new JinjaException("a power is not a real number");
        return double.IsInfinity(result) && double.IsFinite(left) && double.IsFinite(right)
            ? throw new JinjaException("a power is too large for a float")
            : result;
    }

    private static string Sign(BinaryOperator operation) => operation switch
    {
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.FloorDivide => "//",
        BinaryOperator.Modulo => "%",
        _ => "**",
    };
}
